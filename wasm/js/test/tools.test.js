// What bundlers make of the package.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import vm from 'node:vm';
import { dist } from './setup.js';

const wasm = join(dirname(fileURLToPath(import.meta.url)), '../..');
const esbuild = execFileSync('go', ['tool', '-n', 'esbuild'], { cwd: wasm, encoding: 'utf8', env: { ...process.env, CGO_ENABLED: '0' } }).trim();

// bundle bundles a module that imports the package for production, and returns the script.
function bundle(t, text, ...options) {
  const folder = mkdtempSync(join(tmpdir(), 'smartsocket-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'node_modules/@smartsocket'), { recursive: true });
  symlinkSync(dist, join(folder, 'node_modules/@smartsocket/client'));
  writeFileSync(join(folder, 'page.js'), text);
  return execFileSync(esbuild, ['page.js', '--bundle', '--minify', '--format=iife', '--log-level=error', ...options], { cwd: folder, encoding: 'utf8' });
}

// world runs a script as a page would, and returns its globals.
function world(script) {
  const root = vm.createContext({ URL, WebSocket: class {}, setTimeout, clearTimeout, console, TextEncoder, TextDecoder });
  vm.runInContext(script, root);
  return root;
}

test('the plain script stays when it is imported for its effect', (t) => {
  const { SmartSocketClient } = world(bundle(t, "import '@smartsocket/client/SmartSocketClient.js';"));
  assert.equal(SmartSocketClient?.name, 'SmartSocketClient');
});

test('what is imported and not used goes', (t) => {
  for (const entry of ['', '/js', '/static', '/logger']) {
    const script = bundle(t, `import { logger } from '@smartsocket/client${entry}';`);
    assert.equal(script.trim(), '(()=>{})();', entry);
  }
});

test('a production build shows the names of the classes', (t) => {
  for (const entry of ['', '/js', '/static']) {
    const root = world(bundle(t, `
      import { SmartSocketClient, SmartSocketError } from '@smartsocket/client${entry}';
      globalThis.c = new SmartSocketClient('ws://127.0.0.1:1');
      globalThis.e = new SmartSocketError('ERR_X', 'why');`, '--define:import.meta.url="http://127.0.0.1/"'));
    assert.match(inspect(root.c, { depth: 0 }), /^SmartSocketClient \{/, entry);
    assert.match(inspect(root.e), /SmartSocketError: why/);
    assert.deepEqual([root.c.constructor.name, root.e.constructor.name, root.e.name], ['SmartSocketClient', 'SmartSocketError', 'SmartSocketError']);
  }
});

test('bundles for Node need no package ws, and take it where they run', (t) => {
  const script = bundle(t, "import { SmartSocketClient } from '@smartsocket/client'; new SmartSocketClient('ws://127.0.0.1:1').connect();",
    '--platform=node', '--format=esm', '--external:node:*');
  assert.match(script, /import\("ws"\)/);
});

test('React Native gets a module without import() and import.meta', (t) => {
  const text = "import { SmartSocketClient } from '@smartsocket/client'; globalThis.c = new SmartSocketClient('ws://127.0.0.1:1');";
  for (const script of [bundle(t, text, '--conditions=react-native', '--target=es2020'), readFileSync(join(dist, 'static.js'), 'utf8')]) {
    assert.doesNotMatch(script, /import\.meta|import\(/);
  }
  const root = vm.createContext({ URL, WebSocket: class {}, setTimeout, clearTimeout, console }); // no TextEncoder
  vm.runInContext(bundle(t, text, '--conditions=react-native'), root);
  assert.equal(root.c.emit('grüße', 1), true);
});

test('require() in a page of a bundler gets the modules, in Jest the client of Node', () => {
  const { exports } = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8'));
  const resolve = (entry, ...conditions) => {
    while (typeof entry === 'object') entry = entry[Object.keys(entry).find((c) => c === 'default' || conditions.includes(c))];
    return entry;
  };
  assert.equal(resolve(exports['.'], 'browser', 'module', 'require'), './index.js');
  assert.equal(resolve(exports['.'], 'browser', 'require'), './node.cjs');
  assert.equal(resolve(exports['.'], 'node', 'require'), './node.cjs');
  assert.equal(resolve(exports['.'], 'browser', 'import'), './index.js');
  for (const file of ['node.cjs', 'js.cjs', 'wasm.cjs']) assert.doesNotMatch(readFileSync(join(dist, file), 'utf8'), /import\(/, file);
});
