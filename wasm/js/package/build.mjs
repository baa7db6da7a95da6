// Adds to dist/, or to the directory named as argument, what build.sh cannot make without Node: the
// declarations, and SmartSocketClient.js for old browsers. Both come from ../src.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';
import ts from 'typescript';

const here = dirname(fileURLToPath(import.meta.url));
const src = join(here, '../src');
const dist = resolve(process.argv[2] ?? join(here, '../../../dist'));
const banner = '/*! SmartSocket client, MIT */';

// declare writes the types of one entry, for import and for require. Other entries are imported
// under the package's name; here they are files beside each other.
async function declare(source, name) {
  const bundle = await rollup({
    input: join(src, source),
    external: [/^@smartsocket\/client/, 'react', 'vue', 'svelte/store'],
    plugins: [dts({ tsconfig: join(here, '../tsconfig.json') })],
    onLog(level, log, handler) {
      if (!log.message.includes("declare module './client.js'")) handler(level, log);
    },
  });
  for (const [types, code] of [['d.ts', 'js'], ['d.cts', 'cjs']]) {
    const file = join(dist, `${name}.${types}`);
    await bundle.write({
      file,
      format: 'es',
      paths: (id) => id.replace(/^@smartsocket\/client(.*)/, `.$1.${code}`),
    });
    // What is added to the client's class is added where the package declares it.
    writeFileSync(file, readFileSync(file, 'utf8')
      .replace("declare module './client.js'", `declare module './js.${code}'`));
  }
  await bundle.close();
}

// publicMembers takes the # from private members, which ES5 could only imitate with a WeakMap for
// each. Their names begin with private_ then, and esbuild makes them short.
const publicMembers = (context) => (file) => {
  const visit = (node) => {
    if (ts.isPrivateIdentifier(node)) {
      return ts.factory.createIdentifier('private_' + node.text.slice(1));
    }
    // ES5 defines accessors by a string, which esbuild does not shorten with the name.
    if (ts.isAccessor(node)) throw new Error(`write a method instead of the accessor ${node.name.text}`);
    return ts.visitEachChild(node, visit, context);
  };
  return ts.visitNode(file, visit);
};

// script writes SmartSocketClient.js: TypeScript compiles each module to ES5, esbuild bundles them.
function script() {
  const work = mkdtempSync(join(dist, '.script-'));
  try {
    const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
    mkdirSync(join(work, 'src'));
    for (const name of readdirSync(src).filter((file) => !file.endsWith('.d.ts'))) {
      const { outputText } = ts.transpileModule(readFileSync(join(src, name), 'utf8'), {
        fileName: name,
        transformers: { before: [publicMembers] },
        compilerOptions: {
          target: ts.ScriptTarget.ES5,
          module: ts.ModuleKind.ESNext,
          downlevelIteration: false,
          useDefineForClassFields: false,
          verbatimModuleSyntax: true,
          inlineSourceMap: true,
          inlineSources: true,
        },
      });
      writeFileSync(join(work, 'src', name.replace(/\.ts$/, '.js')), outputText);
    }
    const repository = join(here, '../..');
    const esbuild = execFileSync('go', ['tool', '-n', 'esbuild'],
      { cwd: repository, encoding: 'utf8', env: { ...process.env, CGO_ENABLED: '0' } }).trim();
    execFileSync(esbuild, ['src/script.js', '--bundle', '--minify', '--charset=utf8',
      '--legal-comments=none', '--log-level=warning', '--format=iife', '--target=es5',
      '--mangle-props=^(_[a-z]|private_)', '--sourcemap', `--banner:js=${banner}`,
      `--define:SMARTSOCKET_VERSION="${version}"`, '--outfile=SmartSocketClient.js'],
    { cwd: work, stdio: 'inherit' });
    for (const file of ['SmartSocketClient.js', 'SmartSocketClient.js.map']) {
      writeFileSync(join(dist, file), readFileSync(join(work, file)));
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

script();
await declare('js.ts', 'js');
await declare('index.ts', 'index');
// The static build has the types of the js build, also where "exports" is not heard (node10).
writeFileSync(join(dist, 'static.d.ts'),
  "export * from './js.js';\nexport { default } from './js.js';\n");
await declare('logger-entry.ts', 'logger');
await declare('state.ts', 'state');
for (const framework of ['react', 'vue', 'svelte']) await declare(framework + '.ts', framework);
