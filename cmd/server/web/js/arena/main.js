// @ts-check
// The arena's page: a connection, a world, a canvas, and what stands around it.

import { invent, store } from '../identity.js';
import { Painter } from './draw.js';
import { Input } from './input.js';
import { Net } from './net.js';
import { Panel } from './panel.js';
import { World } from './world.js';

/** @typedef {Omit<import('../../arena').ServerEvents, 'arena:over'>} ServerEvents */

const $ = (id) => document.getElementById(id);
const world = new World();
const painter = new Painter($('canvas'));
let entered = false; // since the last connection was made

const panel = new Panel((event, detail) => does[event](detail));
panel.name = store.get('name') ?? invent();
store.set('name', panel.name); // so that a reload does not rename the player

const does = {
  name() {
    if (!panel.name) panel.name = invent();
    store.set('name', panel.name);
    net.rename();
  },
  async talk(text) {
    try {
      await net.talk(text);
    } catch (error) {
      panel.giveBack(text);
      panel.toast(error.message);
    }
  },
  async slow() {
    const slow = !net.slow;
    panel.slow(slow);
    panel.note(slow
      ? 'Your messages now come over a line of 1.5 kB a second, less than the arena sends. Whenever it is free, you get all that has changed meanwhile ("updates skipped"); look at the others\' round trips: they do not notice.'
      : 'Full speed again.');
    await net.use({ slow });
  },
  drop() {
    panel.note('The server cut your connection. The client comes back by itself and resumes its session: player, gems and room are as before, and what was said meanwhile arrives.');
    net.drop();
  },
  async engine(engine) {
    panel.note(`The next connection uses the engine "${engine}": ${{
      auto: 'JavaScript at once, WebAssembly as soon as it is loaded.',
      wasm: 'the server\'s own codec, compiled to WebAssembly.',
      js: 'the same codec in plain JavaScript, for old browsers and strict pages.',
    }[engine]}`);
    await net.use({ engine });
  },
};

const net = new Net({
  name: () => panel.name,
  state: (state, text) => panel.state(state, text),
  failed: (error) => panel.toast(error.message),
  watch(state, tools) {
    entered = false;
    world.watch(state, tools);
    state.entries('lines', { added(line) { if (entered) panel.line(line); } });
  },
  entered(reply) {
    world.enter(reply);
    if (!entered) panel.lines(world.latest?.lines ?? []);
    entered = true;
  },
  took(event, data) {
    if (took[event]) took[event](data);
  },
  figures(f) {
    if (net.stats) panel.figures(f, net.stats, world.skipped, net.resumed);
  },
});

/** @type {{ [E in keyof ServerEvents]: (data: ServerEvents[E]) => void } & { resumed(recovered: boolean): void }} */
const took = {
  pulse(server) {
    panel.server(server);
    if (world.players) panel.board(world.players, world.me);
  },
  hit([by, from, gems]) {
    const name = (id) => world.players?.get(id)?.name ?? 'Somebody';
    painter.burst(world.players?.get(from), world.players?.get(by)?.hue ?? 0);
    if (by === world.me || from === world.me) panel.line({ text: by === world.me ? `You took ${gems} from ${name(from)}` : `${name(by)} took ${gems} from you` });
  },
  resumed(recovered) { panel.line({ text: recovered ? 'Back: the session was resumed, nothing is lost' : 'Back in a new session' }); },
};

let dashFrom = 0;
const input = new Input({
  pad: $('pad'),
  dash: $('dash'),
  changed(ax, ay, dash) {
    const now = performance.now();
    const dashes = dash && (ax !== 0 || ay !== 0) && now >= dashFrom;
    if (dashes && world.rules) {
      const pause = world.ticks(world.rules.dashPause);
      dashFrom = now + pause;
      painter.dashed(pause);
    }
    panel.helped();
    world.wish(net.steer(ax, ay, dash), ax, ay, dashes, net.now() + trip());
  },
});

// trip is how long a message takes to the server; a line that is slow towards us is not slow towards it.
function trip() { return net.slow ? 5 : Math.min(net.rtt, 400) / 2; }

let last = performance.now();
function frame(now) {
  const dt = Math.min(0.1, (now - last) / 1000);
  last = now;
  const scene = world.look(net.now() + trip(), dt);
  requestAnimationFrame(frame); // first, so that a fault in one frame is not the end of all
  if (scene) painter.draw(scene, world, dt);
}
requestAnimationFrame(frame);
input.release();
net.start();
