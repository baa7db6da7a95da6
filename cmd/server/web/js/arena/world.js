// @ts-check
// What the page knows of the arena, and where everything is at a moment: others between two ticks,
// the own player ahead of the last one.

/** @typedef {import('../../events').Arena} Arena */
/** @typedef {import('/dist/state.js').State<Arena>} State */

export class World {
  me = 0;
  /** @type {import('../../events').EnterReply['rules'] | null} */
  rules = null;
  skipped = 0; // ticks that were left out for this page, because its line is too slow
  /** @type {State | null} */
  #state = null;
  /** @type {any} */
  #others = null; // where they are shown
  #wishes = []; // what was steered: { seq, at, ax, ay, dash }, at = server time when it gets there
  /** @type {{ x: number, y: number } | null} */
  #shown = null;
  #lastTick = 0;

  // watch shows the state of a new connection; interpolate and lerp are those of the client.
  watch(state, { interpolate, lerp }) {
    this.#state?.close();
    this.#others?.off();
    this.#state = state;
    this.#others = interpolate(state, 'players', { x: lerp, y: lerp });
    this.#wishes = [];
    this.#lastTick = 0;
    state.onSync((synced) => { if (!synced) this.#lastTick = 0; });
    state.onChange((_, { tick }) => {
      if (this.#lastTick) this.skipped += Math.max(0, tick - this.#lastTick - 1);
      this.#lastTick = tick;
    });
  }

  /** @param {import('../../events').EnterReply} reply */
  enter(reply) {
    this.me = reply.id;
    this.rules = reply.rules;
    this.#shown = null;
  }

  get latest() { return this.#state?.value; }

  get players() { return this.latest?.players; }

  // ticks says how long so many of them are, in ms.
  ticks(n) { return n * 1000 / (this.rules?.ticks ?? 60); }

  // wish notes an input that was just sent, and when it gets to the server.
  wish(seq, ax, ay, dash, at) {
    if (seq) this.#wishes.push({ seq, at, ax, ay, dash });
    if (this.#wishes.length > 600) this.#wishes.shift();
  }

  // look returns players and gems as they are to be drawn; until is the server time at which what is
  // steered now gets there. It returns null before there is a state, or while the answer to our
  // entering, with the rules, is still on its way behind it.
  look(until, dt) {
    const value = this.latest;
    if (!value || !this.rules) return null;
    const players = [];
    for (const [id, p] of value.players) players.push({ ...p, ...this.#others.get(id), id });
    const own = players.find((p) => p.id === this.me);
    if (own) Object.assign(own, this.#ahead(until, dt));
    return { players, gems: [...value.gems.values()].map(({ x, y }) => ({ x, y })) };
  }

  // ahead does what the state does not contain yet of what was steered, and moves smoothly to there.
  #ahead(until, dt) {
    const state = /** @type {State} */ (this.#state), r = this.rules;
    const start = this.players?.get(this.me);
    if (!start || !r) return {};
    let { x, y } = start, time = state.time;
    let dashUntil = start.dash ? time + this.ticks(r.dashTicks) : 0;
    let wish = start;
    const end = Math.min(until, time + 5000);
    const run = (to) => {
      while (time < to) {
        const step = Math.min(to - time, this.ticks(1));
        const length = Math.max(127, Math.hypot(wish.ax, wish.ay));
        const way = (time < dashUntil ? r.dash : r.walk) * step / 1000 / length;
        x = Math.min(Math.max(x + wish.ax * way, r.playerR), r.width - r.playerR);
        y = Math.min(Math.max(y + wish.ay * way, r.playerR), r.height - r.playerR);
        time += step;
      }
    };
    this.#wishes = this.#wishes.filter((w) => w.seq > state.acked);
    for (const next of this.#wishes) {
      if (next.at >= end) break;
      run(next.at);
      wish = next;
      if (next.dash) dashUntil = time + this.ticks(r.dashTicks);
    }
    run(end);
    const s = this.#shown;
    if (!s || Math.hypot(s.x - x, s.y - y) > 160) this.#shown = { x, y };
    else {
      const share = 1 - Math.exp(-dt * 22);
      s.x += (x - s.x) * share;
      s.y += (y - s.y) * share;
    }
    return this.#shown;
  }
}
