// @ts-check
// What the server told of the arena, and where everything is at a moment: others
// between two snapshots, the own player ahead of the last one.

const KEPT = 40; // snapshots

export class World {
  me = 0;
  /** @type {import('../../events').ArenaRules | null} */
  rules = null;
  /** @type {Map<number, import('../../events').RosterRow>} */
  roster = new Map(); // player id -> { name, hue, bot }
  skipped = 0; // snapshots that the server replaced by newer ones before they were sent
  #snaps = [];
  #late = 40; // how long snapshots take to get here, smoothed, ms
  #jitter = 10;
  #wishes = []; // what was steered: { at, ax, ay, dash }, at = server time when it gets there
  /** @type {{ x: number, y: number } | null} */
  #shown = null;
  #lastTick = -1;

  /** @param {import('../../events').EnterReply} reply */
  enter(reply) {
    this.me = reply.id;
    this.rules = reply.rules;
    this.people(reply.roster);
    this.#snaps = [];
    this.#lastTick = -1;
    this.#shown = null;
  }

  /** @param {import('../../events').RosterRow[]} rows */
  people(rows) {
    this.roster = new Map(rows.map((row) => [row.id, row]));
  }

  get latest() { return this.#snaps.at(-1); }

  // take reads one snapshot; now is the server's time as far as this page knows it. The layout stands in arena_world.go.
  take(buffer, now) {
    const view = new DataView(buffer);
    /** @type {{ tick: number, time: number, players: Map<number, any>, gems: { x: number, y: number }[] }} */
    const snap = { tick: view.getUint32(0, true), time: view.getFloat64(4, true), players: new Map(), gems: [] };
    let at = 14;
    for (let i = view.getUint8(12); i > 0; i--, at += 11) {
      const flags = view.getUint8(at + 8);
      snap.players.set(view.getUint16(at, true), {
        x: view.getUint16(at + 2, true) / 32, y: view.getUint16(at + 4, true) / 32,
        ax: view.getInt8(at + 6), ay: view.getInt8(at + 7), score: view.getUint16(at + 9, true),
        dash: (flags & 1) !== 0, safe: (flags & 2) !== 0, bot: (flags & 4) !== 0, away: (flags & 8) !== 0,
      });
    }
    for (let i = view.getUint8(13); i > 0; i--, at += 4) snap.gems.push({ x: view.getUint16(at, true), y: view.getUint16(at + 2, true) });
    if (this.#lastTick >= 0 && snap.tick > this.#lastTick + 1) this.skipped += snap.tick - this.#lastTick - 1;
    this.#lastTick = snap.tick;
    const late = now - snap.time;
    this.#jitter += (Math.abs(late - this.#late) - this.#jitter) * 0.1;
    this.#late += (late - this.#late) * 0.1;
    this.#snaps.push(snap);
    if (this.#snaps.length > KEPT) this.#snaps.shift();
  }

  // wish notes what was just sent to the server; trip is how long that takes, ms.
  wish(ax, ay, dash, now, trip) {
    this.#wishes.push({ at: now + trip, ax, ay, dash });
    if (this.#wishes.length > 600) this.#wishes.shift();
  }

  // look returns players and gems as they are to be drawn at a server time. It returns null before there is a
  // snapshot, or while the answer to our entering, with the rules, is still on its way behind one.
  look(now, trip, dt) {
    const newest = this.latest;
    if (!newest || !this.rules) return null;
    const at = now - Math.max(50, this.#late + 2 * this.#jitter + 17);
    let i = this.#snaps.length - 1;
    while (i > 0 && this.#snaps[i - 1].time > at) i--;
    const b = this.#snaps[i];
    const a = i > 0 ? this.#snaps[i - 1] : b;
    const t = b === a ? 1 : Math.min(1, Math.max(0, (at - a.time) / (b.time - a.time)));
    const players = [];
    for (const [id, q] of b.players) {
      const p = a.players.get(id) ?? q;
      const far = Math.hypot(q.x - p.x, q.y - p.y) > 200;
      players.push({ ...q, id, x: far ? q.x : p.x + (q.x - p.x) * t, y: far ? q.y : p.y + (q.y - p.y) * t });
    }
    const own = players.find((p) => p.id === this.me);
    if (own) Object.assign(own, this.#ahead(now + trip, dt));
    return { players, gems: b.gems };
  }

  // ahead replays what was steered since the last snapshot, up to the time at
  // which what is steered now gets to the server, and moves smoothly to there.
  #ahead(until, dt) {
    const { latest: snap, rules: r } = this;
    const start = snap.players.get(this.me);
    if (!start || !r) return {};
    let { x, y } = start;
    let dashUntil = start.dash ? snap.time + r.dashTime : 0;
    let wish = start;
    let time = snap.time;
    const end = Math.min(until, snap.time + 5000);
    const run = (to) => {
      while (time < to) {
        const step = Math.min(to - time, 1000 / r.ticks);
        const length = Math.max(127, Math.hypot(wish.ax, wish.ay));
        const speed = time < dashUntil ? r.dash : r.walk;
        x = Math.min(Math.max(x + wish.ax / length * speed * step / 1000, r.playerR), r.width - r.playerR);
        y = Math.min(Math.max(y + wish.ay / length * speed * step / 1000, r.playerR), r.height - r.playerR);
        time += step;
      }
    };
    for (const next of this.#wishes) {
      if (next.at <= snap.time) {
        continue;
      }
      if (next.at >= end) break;
      run(next.at);
      wish = next;
      if (next.dash) dashUntil = next.at + r.dashTime;
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
