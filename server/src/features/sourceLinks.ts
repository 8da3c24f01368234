// Sources as people can follow them: "owner/repository path/of/file.py :: symbol" becomes a link to the file.

const place = /(?<![\w./-])([\w.-]+\/[\w.-]+) ((?:[\w.-]+\/)+[\w.-]+\.(?:py|cpp|cc|cu|cuh|h|hpp|ts|js|json|md|rst|txt|toml|yaml|yml)(?!\w))((?: :: [\w.]+)?)/g;

/** Markdown. What names no repository stays as it is. */
export function withLinks(source: string): string {
  return source.replace(place, (_, repository: string, path: string, symbol: string) => {
    return `[${repository} ${path}${symbol}](https://github.com/${repository}/blob/HEAD/${path})`;
  });
}
