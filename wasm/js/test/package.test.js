// The package as it is built: its types match what exists at run time, its README the sizes.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import ts from 'typescript';
import { WebSocket, dist } from './setup.js';

const require = createRequire(import.meta.url);
const load = (file) => (file.endsWith('.cjs') ? require(join(dist, file)) : import(pathToFileURL(join(dist, file))));

// What the declarations say, read by the compiler.
const program = ts.createProgram(['index', 'js', 'state'].map((name) => join(dist, name + '.d.ts')), { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, target: ts.ScriptTarget.ES2022, lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'], types: [] });
const checker = program.getTypeChecker();
const exportsOf = (file) => checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(join(dist, file))));
const found = (name) => {
  const symbol = exportsOf('index.d.ts').find((s) => s.name === name);
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
};
// members are the names that the types give a class or an interface.
const members = (name) => checker.getDeclaredTypeOfSymbol(found(name)).getProperties().map((p) => p.name).filter((n) => n !== '#private' && !n.startsWith('__@')).sort();

test('the types declare exactly what the modules export', async () => {
  const isValue = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol).flags & ts.SymbolFlags.Value;
  for (const [types, ...files] of [['index.d.ts', 'index.js', 'node.js', 'node.cjs'], ['js.d.ts', 'js.js', 'js.cjs'], ['state.d.ts', 'state.js', 'state.cjs', 'state-static.js']]) {
    const declared = exportsOf(types).filter(isValue).map((symbol) => symbol.name).sort();
    assert.ok(declared.includes(types === 'state.d.ts' ? 'state' : 'SmartSocketClient') && declared.includes('default') === (types !== 'state.d.ts'));
    for (const file of files) assert.deepEqual(Object.keys(await load(file)).filter((n) => n !== 'module.exports').sort(), declared, file);
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
  for (const file of ['index.js', 'js.js', 'node.cjs']) {
    const { SmartSocketClient } = await load(file);
    const c = new SmartSocketClient('ws://127.0.0.1:1');
    const real = new Set(Object.keys(c));
    for (let p = Object.getPrototypeOf(c); p !== Object.prototype; p = Object.getPrototypeOf(p)) Object.getOwnPropertyNames(p).forEach((n) => real.add(n));
    assert.deepEqual([...real].filter((n) => n !== 'constructor').sort(), members('SmartSocketClient'), file);
  }
});

test('the types declare every option, statistic and code', async () => {
  const { SmartSocketClient, CODES } = await load('index.js');
  const c = new SmartSocketClient('ws://127.0.0.1:1');
  assert.deepEqual(Object.keys(c.getStats()).sort(), members('Stats'));
  for (const option of members('Options')) {
    try {
      new SmartSocketClient('ws://127.0.0.1:1', { [option]: Symbol('never right') });
    } catch (e) {
      assert.doesNotMatch(e.message, /unknown option/);
    }
  }
  const codes = checker.getTypeOfSymbol(found('CODES')).getProperties();
  assert.deepEqual(CODES, Object.fromEntries(codes.map((p) => [p.name, checker.getTypeOfSymbol(p).value])));
});

test('consoles and error trackers show the names of the classes', async () => {
  for (const file of ['index.js', 'js.js', 'node.cjs']) {
    const { SmartSocketClient, SmartSocketError } = await load(file);
    assert.match(inspect(new SmartSocketClient('ws://127.0.0.1:1'), { depth: 0 }), /^SmartSocketClient \{/, file);
    const error = new SmartSocketError('ERR_X', 'why');
    assert.match(inspect(error), /^SmartSocketError: why\n/);
    assert.deepEqual([SmartSocketClient.name, error.constructor.name], ['SmartSocketClient', 'SmartSocketError'], file);
  }
});

test('a client works inside a Proxy, and its methods without the client', async () => {
  const { SmartSocketClient } = await load('js.js');
  const raw = new SmartSocketClient('ws://127.0.0.1:1', { WebSocket }), c = new Proxy(raw, {}), heard = [];
  const { on, emit } = c;
  assert.equal(on('x', () => {}), raw);
  c.on('error', (e) => heard.push(e.code)).once('disconnected', () => {}).off('disconnected');
  assert.ok(c.emit('kept') && emit('kept too') && c.send('as well'));
  assert.equal(c.getStats().queued, 3);
  await assert.rejects(c.connect(), { code: 'ERR_CONN_001' });
  c.connect = () => Promise.resolve('wrapped'); // as applications may
  assert.equal(await raw.connect(), 'wrapped');
  c.disconnect();
  class Mine extends SmartSocketClient { emit(event, ...rest) { return super.emit('my ' + event, ...rest); } }
  const mine = new Proxy(new Mine('ws://127.0.0.1:1', { offlineQueue: false }), {});
  const failed = new Promise((resolve) => mine.on('error', resolve));
  assert.equal(mine.emit('x'), false);
  assert.match((await failed).message, /"my x"/);
});

test('every source map names the sources and holds their text', () => {
  const maps = readdirSync(dist).filter((file) => file.endsWith('.map'));
  assert.ok(maps.length >= 12, maps.join());
  for (const file of maps) {
    const map = JSON.parse(readFileSync(join(dist, file), 'utf8')), name = file.slice(0, -4);
    assert.ok(map.sources.length > 0 && map.sourcesContent.length === map.sources.length && map.sourcesContent.every((text) => text.length > 0), file);
    assert.ok(map.sources.every((source) => /^(\.\.\/)?src\/[\w-]+\.[jt]s$/.test(source)), file + ': ' + map.sources);
    assert.ok(readFileSync(join(dist, name), 'utf8').endsWith(`//# sourceMappingURL=${file}\n`), name);
  }
});

test('the README tells the sizes of today', () => {
  const readme = readFileSync(join(dist, 'README.md'), 'utf8');
  const size = (...files) => files.reduce((sum, f) => sum + gzipSync(readFileSync(join(dist, f)), { level: 9 }).length, 0) / 1000;
  const rows = [['`@smartsocket/client/js`', 'js.js'], ['DEFLATE', 'flate.js'], ['encryption for', 'sealing.js'], ['a session that', 'keep.js'], ['moving to', 'move.js'], ['`@smartsocket/client/state`', 'state.js'], ['the WebAssembly codec', 'index.js', 'wasm.js', 'smartsocket.wasm'], ['`SmartSocketClient.js`', 'SmartSocketClient.js']];
  for (const [words, ...files] of rows) {
    const row = readme.split('\n').find((line) => line.startsWith('|') && line.includes(words));
    const told = parseFloat(row.split('|')[2]), real = size(...files);
    assert.ok(Math.abs(told - real) <= Math.max(0.1, real * 0.01), `${words}: ${told} kB, really ${real.toFixed(1)} kB`);
  }
});
