// The real editor: Neovim without a screen opens a wrong config with our server and shows its diagnostic. Works with every version that has vim.lsp
// (vim.lsp.start is there from 0.8 on; 0.7, which Debian 12 ships, has start_client and buf_attach_client).
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../support/lspClient.ts';

const bundle = join(projectRoot, 'dist', 'server.js');
const entry = existsSync(bundle) ? bundle : join(projectRoot, 'server', 'out', 'main.js');
const timeoutMs = 60_000;

function neovim(): string | null {
  try {
    return execFileSync('nvim', ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? null;
  } catch {
    return null;
  }
}

/** What a user's configuration would do, and then: wait for diagnostics, ask for a hover and an action, write all down, leave. */
function script(out: string): string {
  return `
local out = ${lua(out)}
local function finish(result)
  local file = io.open(out, 'w')
  file:write(vim.fn.json_encode(result))
  file:close()
  vim.cmd('qall!')
end
local config = {
  name = 'quantwright',
  cmd = { ${lua(process.execPath)}, ${lua(entry)}, '--stdio' },
  root_dir = vim.fn.getcwd(),
  settings = { quantwright = { targets = { { runtime = 'dashinfer', device = 'nvidia-a100', tensorParallel = 1 } } } },
  init_options = { provideCommands = false },
}
local buffer = vim.api.nvim_get_current_buf()
if vim.lsp.start then
  vim.lsp.start(config)
else
  local id = vim.lsp.start_client(config)
  vim.lsp.buf_attach_client(buffer, id)
end
local found = vim.wait(${timeoutMs / 2}, function() return #vim.diagnostic.get(buffer) > 0 end, 50)
local result = { found = found, diagnostics = {}, hover = '', actions = {} }
for _, diagnostic in ipairs(vim.diagnostic.get(buffer)) do
  table.insert(result.diagnostics, {
    message = diagnostic.message, source = diagnostic.source, severity = diagnostic.severity, lnum = diagnostic.lnum, col = diagnostic.col,
  })
end
local document = { uri = vim.uri_from_bufnr(buffer) }
local function ask(method, params)
  for _, answer in pairs(vim.lsp.buf_request_sync(buffer, method, params, ${timeoutMs / 4}) or {}) do
    if answer.result then return answer.result end
  end
end
local hover = ask('textDocument/hover', { textDocument = document, position = { line = 1, character = 5 } })
if hover then result.hover = hover.contents.value end
local range = { start = { line = 0, character = 0 }, ['end'] = { line = 3, character = 0 } }
for _, action in ipairs(ask('textDocument/codeAction', { textDocument = document, range = range, context = { diagnostics = {} } }) or {}) do
  table.insert(result.actions, action.title)
  if action.isPreferred and action.edit then
    vim.lsp.util.apply_workspace_edit(action.edit, 'utf-16')
    break
  end
end
result.lines = vim.api.nvim_buf_get_lines(buffer, 0, -1, false)
finish(result)
`;
}

const lua = (text: string): string => JSON.stringify(text);

interface Seen {
  readonly found: boolean;
  readonly diagnostics: readonly { message: string; source: string; severity: number; lnum: number; col: number }[];
  readonly hover: string;
  readonly actions: readonly string[];
  readonly lines: readonly string[];
}

test('Neovim shows the diagnostic of a wrong config, hovers, and applies the fix', { timeout: timeoutMs * 2 }, (t) => {
  const version = neovim();
  if (version === null) {
    t.skip('nvim is not installed (apt-get install neovim)');
    return;
  }
  t.diagnostic(version);
  const folder = mkdtempSync(join(tmpdir(), 'quantwright-nvim-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const text = '{\n  "quant_method": "gptqq",\n  "weight_format": "uint4"\n}\n';
  writeFileSync(join(folder, 'my.quant.json'), text);
  writeFileSync(join(folder, 'session.lua'), script(join(folder, 'seen.json')));
  const run = spawnSync('nvim', ['--headless', '-u', 'NONE', '-i', 'NONE', '-n', 'my.quant.json', '-c', 'luafile session.lua', '-c', 'qall!'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: timeoutMs,
    env: { ...process.env, HOME: folder, XDG_STATE_HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  });
  const place = join(folder, 'seen.json');
  assert.ok(existsSync(place), `Neovim wrote nothing down: ${run.stderr}${run.stdout}`);
  const seen = JSON.parse(readFileSync(place, 'utf8')) as Seen;
  assert.ok(seen.found, run.stderr);
  const wrong = seen.diagnostics.find(({ message }) => message.includes('gptqq'));
  assert.ok(wrong !== undefined, JSON.stringify(seen.diagnostics));
  assert.deepEqual([wrong.source, wrong.severity, wrong.lnum, wrong.col], ['quantwright', 1, 1, text.split('\n')[1]?.indexOf('"gptqq"')]);
  assert.match(seen.hover, /quant_method/);
  assert.ok(seen.lines.includes('  "quant_method": "gptq",'), `${seen.actions.join(', ')} gave ${seen.lines.join('\n')}`);
});
