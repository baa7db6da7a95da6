// Compiles types.ts, state.ts and adapters.ts against the package as it is packed, once for each way in which
// TypeScript looks for modules. The directory of the package may be named as argument.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const here = dirname(fileURLToPath(import.meta.url));
const dist = resolve(process.argv[2] ?? join(here, '../../../dist'));
const project = mkdtempSync(join(tmpdir(), 'smartsocket-types-'));

const { ModuleKind, ModuleResolutionKind: Resolution } = ts;
// Each with the files it compiles: a module, and one for require where both exist.
const WAYS = {
  bundler: [ModuleKind.ESNext, Resolution.Bundler, 'types.mts'],
  node16: [ModuleKind.Node16, Resolution.Node16, 'types.mts', 'types.cts'],
  nodenext: [ModuleKind.NodeNext, Resolution.NodeNext, 'types.mts', 'types.cts'],
  node10: [ModuleKind.CommonJS, Resolution.Node10, 'types.ts'],
};

function install() {
  const modules = join(project, 'node_modules/@smartsocket/client');
  mkdirSync(modules, { recursive: true });
  const tarball = execFileSync('npm', ['pack', '--silent', '--pack-destination', project],
    { cwd: dist, encoding: 'utf8' }).trim();
  execFileSync('tar', ['-xzf', join(project, tarball), '--strip-components=1', '-C', modules]);
  writeFileSync(join(project, 'package.json'), '{"private": true}');
  for (const ending of ['ts', 'mts', 'cts']) {
    for (const name of ['types', 'state', 'adapters']) {
      copyFileSync(join(here, name + '.ts'), join(project, `${name}.${ending}`));
    }
  }
  mkdirSync(join(project, 'node_modules/@types'));
  for (const name of ['@types/react', 'react', 'svelte', 'vue']) {
    symlinkSync(join(here, '../node_modules', name), join(project, 'node_modules', name), 'dir');
  }
}

// The adapters are compiled for themselves: the declarations of the frameworks are not checked, and
// those of their adapters by tsc over ../src.
function check(way, module, moduleResolution, files, skipLibCheck) {
  const program = ts.createProgram(files.map((file) => join(project, file)), {
    module,
    moduleResolution,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
    types: [],
    strict: true,
    noEmit: true,
    esModuleInterop: true,
    skipLibCheck,
  });
  const found = ts.getPreEmitDiagnostics(program);
  if (found.length === 0) return true;
  console.error(`with moduleResolution ${way}:`);
  console.error(ts.formatDiagnostics(found, {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => project,
    getNewLine: () => '\n',
  }));
  return false;
}

try {
  install();
  let failed = false;
  for (const [way, [module, resolution, ...files]] of Object.entries(WAYS)) {
    const [states, adapters] = ['state', 'adapters'].map((name) =>
      files.map((file) => file.replace('types', name)));
    if (!check(way, module, resolution, files.concat(states), false)) failed = true;
    if (!check(way, module, resolution, adapters, true)) failed = true;
  }
  process.exitCode = failed ? 1 : 0;
} finally {
  rmSync(project, { recursive: true, force: true });
}
