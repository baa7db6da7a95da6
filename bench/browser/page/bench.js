import { deflated, json, loadEngines, plain, sealed, socketIO } from './candidates.js';

const options = Object.fromEntries(new URLSearchParams(location.search));
const rounds = Number(options.rounds), batch = Number(options.batch); // batch in milliseconds; 0 = one iteration
const handlers = new Map();
let handled = 0;
function handle(event, data) { handlers.get(event)(data); }

function bytesOf(base64) { return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer; }

async function loadCases() {
  const list = await (await fetch('/cases')).json();
  for (const c of list) {
    c.data = c.Binary ? bytesOf(c.Payload) : JSON.parse(new TextDecoder().decode(bytesOf(c.Payload)));
    c.message = bytesOf(c.Message);
    c.deflated = c.Deflated && bytesOf(c.Deflated);
    handlers.set(c.Event, (data) => { if (data !== undefined) handled++; });
  }
  return list;
}

// trials lists what is measured: {name, kind, mode, who, prepare(n) → what run takes, run(n, prepared)}.
async function trials(cases) {
  const engines = await loadEngines(), { key } = await (await fetch('/key')).json(), list = [];
  const ours = {};
  for (const who of ['wasm', 'js']) ours[who] = { plain: plain(engines[who]), deflated: deflated(engines[who]), sealed: await sealed(engines[who], key) };
  const io = socketIO();
  function add(c, mode, who, candidate, message) {
    list.push({ name: c.Name, mode, who, kind: 'decode', c, candidate, message, run(n) { for (let i = 0; i < n; i++) candidate.decode(message, handle); } });
    list.push({ name: c.Name, mode, who, kind: 'encode', c, candidate, run(n) { for (let i = 0; i < n; i++) if (!candidate.encode(c.Event, c.data)) throw new Error('nothing'); } });
  }
  for (const c of cases) {
    add(c, 'plain', 'json', json, json.encode(c.Event, c.data));
    add(c, 'plain', 'socket.io', io, io.encode(c.Event, c.data));
    for (const who of ['wasm', 'js']) {
      add(c, 'plain', who, ours[who].plain, c.message);
      if (c.deflated) add(c, 'deflated', who, ours[who].deflated, c.deflated);
      add(c, 'sealed', who, ours[who].sealed);
      const open = list[list.length - 2];
      open.prepare = (n) => ours[who].sealed.records(c.Name, n);
      open.run = (n, records) => { for (let i = 0; i < n; i++) ours[who].sealed.decode(records[i], handle); };
    }
  }
  return { list, engines, ours };
}

function same(got, want) {
  if (!(want instanceof ArrayBuffer)) return JSON.stringify(got) === JSON.stringify(want);
  return got instanceof ArrayBuffer && got.byteLength === want.byteLength && new Uint8Array(got).every((b, i) => b === new Uint8Array(want)[i]);
}

// check tells what is wrong, if anything: all decoders must hand out the same data, and each what the others encode.
async function check({ list, ours }) {
  const wrong = [];
  for (const t of list) {
    const expect = (event, data) => { if (event !== t.c.Event || !same(data, t.c.data)) wrong.push(`${t.who}, ${t.mode}, ${t.name}: ${t.kind} gives ${event} ${JSON.stringify(data).slice(0, 80)}`); done++; };
    let done = 0;
    if (t.kind === 'decode') {
      t.candidate.decode(t.prepare ? (await t.prepare(1))[0] : t.message, expect);
    } else {
      let encoded = t.candidate.encode(t.c.Event, t.c.data), reader = t.candidate;
      if (ours[t.who]) reader = ours[t.who === 'wasm' ? 'js' : 'wasm'].plain;
      if (t.mode === 'sealed') encoded = await t.candidate.opened(encoded);
      if (t.mode === 'deflated' && !(encoded[0] & 0x10)) wrong.push(`${t.who}, ${t.name}: was not compressed`);
      reader.decode(encoded, expect);
    }
    if (done !== 1) wrong.push(`${t.who}, ${t.mode}, ${t.name}: ${done} events`);
  }
  return wrong;
}

async function once(t, n) {
  const prepared = t.prepare && await t.prepare(n);
  const start = performance.now();
  t.run(n, prepared);
  return performance.now() - start;
}

// calibrate warms up and finds how many iterations a batch has.
async function calibrate(t) {
  let n = 1;
  if (!batch) return n;
  for (let took = 0, spent = 0; took < batch || spent < 4 * batch; spent += took) {
    took = await once(t, n);
    if (took < batch / 2) n *= 2;
    else n = Math.max(1, Math.round(n * batch / took));
    if (took >= batch * 0.8) took = batch;
  }
  return n;
}

async function measure(list) {
  for (const t of list) {
    t.n = await calibrate(t);
    t.ns = [];
  }
  for (let round = 0; round < rounds; round++) {
    for (const t of round % 2 ? [...list].reverse() : list) t.ns.push(await once(t, t.n) * 1e6 / t.n);
  }
  return list.map(({ name, mode, who, kind, ns }) => ({ Case: name, Mode: mode, Who: who, Kind: kind, NS: ns }));
}

browsertest.run((async () => {
  const all = await trials(await loadCases());
  const wrong = await check(all);
  if (options.only) all.list = all.list.filter((t) => new RegExp(options.only).test([t.who, t.mode, t.kind, t.name].join(' ')));
  return { Agent: navigator.userAgent, Isolated: crossOriginIsolated, Wrong: wrong, Trials: wrong.length ? [] : await measure(all.list), Handled: handled };
})());
