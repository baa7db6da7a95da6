// The package as it is built: its types match what exists at run time, its README the sizes.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { dist, source } from './setup.js';

const require = createRequire(import.meta.url);
const types = readFileSync(join(dist, 'index.d.ts'), 'utf8');
const load = (file) => (file.endsWith('.cjs') ? require(join(dist, file)) : import(pathToFileURL(join(dist, file))));

// members are the names that the types give a class, without its constructor.
function members(name) {
  const body = types.match(new RegExp(`export declare class ${name}\\b[^{]*\\{\\n([^]*?)\\n\\}`))[1];
  const found = [...body.matchAll(/^ {2}(?:readonly )?(\w+)[?<(:]/gm)].map((m) => m[1]);
  return new Set(found.filter((n) => n !== 'constructor'));
}

test('the types declare exactly what the modules export', async () => {
  const declared = [...types.matchAll(/^export declare (?:const|class|function) (\w+)/gm)].map((m) => m[1]).concat('default').sort();
  for (const file of ['index.js', 'js.js', 'node.js', 'node.cjs', 'js.cjs']) {
    assert.deepEqual(Object.keys(await load(file)).filter((n) => n !== 'module.exports').sort(), declared, file);
  }
});

test('the logger is a module of its own, too', async () => {
  for (const [file, main] of [['logger.js', 'js.js'], ['logger.cjs', 'js.cjs']]) {
    const { logger, setLevel } = await load(file);
    assert.equal(logger, (await load(main)).logger);
    setLevel('debug');
    assert.ok(logger.enabled('debug'));
    setLevel('warn');
    assert.ok(!logger.enabled('info'));
  }
});

test('the types declare exactly the public members of the client', async () => {
  // the built one has short names for what is private
  const { SmartSocketClient } = await source('js.js');
  const c = new SmartSocketClient('ws://127.0.0.1:1');
  const real = new Set(Object.keys(c));
  for (let p = Object.getPrototypeOf(c); p !== Object.prototype; p = Object.getPrototypeOf(p)) Object.getOwnPropertyNames(p).forEach((n) => real.add(n));
  const shown = [...real].filter((n) => n !== 'constructor' && !n.startsWith('_'));
  assert.deepEqual(shown.sort(), [...members('SmartSocketClient')].sort());
});

test('the types declare every option, statistic and code', async () => {
  const { SmartSocketClient, CODES } = await load('index.js');
  const block = (name) => [...types.match(new RegExp(`export interface ${name} \\{\\n([^]*?)\\n\\}`))[1].matchAll(/^ {2}(\w+)\??:/gm)].map((m) => m[1]).sort();
  const c = new SmartSocketClient('ws://127.0.0.1:1');
  assert.deepEqual(Object.keys(c.getStats()).sort(), block('Stats'));
  for (const option of block('Options')) {
    try {
      new SmartSocketClient('ws://127.0.0.1:1', { [option]: Symbol('never right') });
    } catch (e) {
      assert.doesNotMatch(e.message, /unknown option/);
    }
  }
  const table = types.match(/export declare const CODES: \{\n([^]*?)\n\};/)[1];
  assert.deepEqual(CODES, Object.fromEntries([...table.matchAll(/readonly (\w+): '(\w+)'/g)].map((m) => [m[1], m[2]])));
});

test('the README tells the sizes of today', () => {
  const readme = readFileSync(join(dist, 'README.md'), 'utf8');
  const size = (...files) => files.reduce((sum, f) => sum + gzipSync(readFileSync(join(dist, f)), { level: 9 }).length, 0) / 1000;
  const rows = [['`@smartsocket/client/js`', 'js.js'], ['DEFLATE', 'flate.js'], ['encryption for', 'sealing.js'], ['the WebAssembly codec', 'index.js', 'wasm.js', 'smartsocket.wasm'], ['`SmartSocketClient.js`', 'SmartSocketClient.js']];
  for (const [words, ...files] of rows) {
    const row = readme.split('\n').find((line) => line.startsWith('|') && line.includes(words));
    const told = parseFloat(row.split('|')[2]), real = size(...files);
    assert.ok(Math.abs(told - real) <= Math.max(0.1, real * 0.01), `${words}: ${told} kB, really ${real.toFixed(1)} kB`);
  }
});
