// @ts-check
// The page's connection: one SmartSocketClient at a time, made anew when the
// engine or the lane changes. The server gives the same player back by its token.

import { store } from '../identity.js';

/** @typedef {import('../../arena').ServerEvents} ServerEvents */
/** @typedef {import('../../arena').ClientEvents} ClientEvents */
/** @typedef {import('/dist/index.js').SmartSocketClient<ServerEvents, ClientEvents>} Client */

const SAMPLES = 60;

export class Net {
  /** @type {import('/dist/index.js').Options['engine']} */
  engine = 'auto';
  slow = false;
  resumed = 0;
  rtt = 0;
  /** @type {Client} */
  client;
  #page;
  /** @type {typeof import('/dist/index.js').SmartSocketClient} */
  #Client;
  /** @type {import('/dist/state.js').State<import('../../events').Arena>} */
  state;
  /** @type {typeof import('/dist/state.js')} */
  #tools;
  /** @type {Client[]} */
  #left = []; // connections that are not used any more
  #countdown = 0;
  #serial = 0;

  // page is told: state(state, text), watch(state, tools), entered(reply), took(event, data), failed(error), figures({ rtt, in, out, bytes }).
  constructor(page) { this.#page = page; }

  async start() {
    try {
      ({ SmartSocketClient: this.#Client } = await import('/dist/index.js'));
      this.#tools = await import('/dist/state.js');
    } catch (error) {
      this.#page.state('offline', 'Not built');
      this.#page.failed(new Error(`The browser client is not part of this server: stop it and run "make run". (${error.message})`));
      return;
    }
    this.#measure();
    await this.use({});
  }

  // use connects in another way: with another engine, or through the slow lane. The old connection ends when its player has
  // moved to the new one: a goodbye before that would be the player's.
  async use({ engine = this.engine, slow = this.slow }) {
    Object.assign(this, { engine, slow });
    const serial = ++this.#serial;
    const before = this.client;
    if (before) this.#left.push(before);
    /** @type {Client} */
    const client = new this.#Client(slow ? '/slow/' : '/', { namespace: '/arena', engine, maxReconnectAttempts: -1, reconnectDelay: 600, offlineQueue: false });
    this.client = client;
    this.state = client.state('arena');
    this.#page.watch(this.state, this.#tools);
    this.#listen(client);
    for (let wait = 500; serial === this.#serial; wait = Math.min(wait * 1.5, 10000)) {
      try {
        return await client.connect();
      } catch (error) {
        if (serial !== this.#serial) return;
        this.#page.state('offline', 'No connection');
        this.#page.failed(error);
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  /** @param {Client} client */
  #listen(client) {
    const current = (f) => (...args) => { if (client === this.client) f(...args); };
    let recovered = false;
    client.on('connected', current(() => {
      clearInterval(this.#countdown);
      this.#page.state('online', 'Connected');
      // A session that goes on has its player; "reconnected" says so right after this.
      queueMicrotask(current(() => { if (!recovered) this.#enter(client); recovered = false; }));
    }));
    client.on('reconnected', current((back) => {
      recovered = back;
      if (back) this.resumed++;
      this.#page.took('resumed', back);
    }));
    client.on('disconnected', current((reason, detail) => { if (detail.reconnects) this.#page.state('offline', 'Connection lost'); }));
    client.on('reconnecting', current((attempt, delay) => this.#count(attempt, delay)));
    client.on('error', current((error) => this.#page.failed(error)));
    client.on('arena:over', current((over) => {
      this.#page.failed(new Error(over.message));
      if (over.code !== 'ROOM_REPLACED') this.#enter(client); // into another one
    }));
    client.on('__rate-limited__', current((limit) => this.#page.failed(new Error(limit.message))));
    /** @type {(keyof ServerEvents)[]} */
    const events = ['pulse', 'hit'];
    for (const event of events) client.on(event, current((data) => this.#page.took(event, data)));
  }

  /** @param {Client} client */
  async #enter(client) {
    try {
      const reply = await client.emitWithAck('enter', { name: this.#page.name(), token: store.get('player') ?? '' });
      store.set('player', reply.token);
      if (client !== this.client) return;
      for (const old of this.#left.splice(0)) old.disconnect();
      this.#page.entered(reply);
    } catch (error) {
      if (client === this.client) this.#page.failed(error);
    }
  }

  rename() { if (this.client?.connected) this.#enter(this.client); }

  #count(attempt, delay) {
    const at = Date.now() + delay;
    const show = () => {
      const left = Math.max(0, at - Date.now());
      this.#page.state('connecting', left > 50 ? `Connection lost, reconnecting in ${(left / 1000).toFixed(1)} s` : 'Reconnecting');
    };
    clearInterval(this.#countdown);
    this.#countdown = setInterval(show, 100);
    show();
  }

  // steer sends a direction, -127..127 each way, and returns its number; without a connection it sends nothing and returns 0.
  steer(ax, ay, dash) { return this.state?.send([ax, ay, dash ? 1 : 0]) ?? 0; }

  talk(text) { return this.client.emitWithAck('talk', text); }

  drop() { this.client?.emit('drop'); }

  get stats() { return this.client?.getStats(); }

  // now is the server's clock.
  now() { return Date.now() + (this.stats?.clockOffset ?? 0); }

  // measure asks for an answer every second and keeps the last minute; null is an answer that never came.
  #measure() {
    const rtt = [], rate = [];
    let last = null;
    const keep = (list, value) => {
      list.push(value);
      if (list.length > SAMPLES) list.shift();
    };
    setInterval(async () => {
      const client = this.client;
      const s = this.stats;
      const delta = last && last.client === client ? { in: s.messagesReceived - last.in, out: s.messagesSent - last.out, bytes: s.bytesReceived - last.bytes } : { in: 0, out: 0, bytes: 0 };
      last = { client, in: s.messagesReceived, out: s.messagesSent, bytes: s.bytesReceived };
      keep(rate, delta.in);
      let ms = null;
      if (client.connected) {
        const sent = performance.now();
        try {
          await client.emitWithAck('rtt', this.rtt, { timeout: 10000 });
          this.rtt = ms = performance.now() - sent;
        } catch {
          // The connection went away; the gap in the curve says so.
        }
      }
      if (client !== this.client) ms = null;
      keep(rtt, ms);
      this.#page.figures({ rtt, rate, ...delta });
    }, 1000);
  }
}
