// Everything that touches the DOM. Text from other people only ever goes into
// textContent, so none of it can become markup.

import { hue, initials } from '../identity.js';
import { draw } from '../spark.js';

const $ = (id) => document.getElementById(id);

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

export class View {
  #handlers = new Map();
  #last = null; // the newest message shown, for grouping
  #toasts = new Map();

  constructor() {
    this.#composer();
    this.#drawers();
    $('room-form').addEventListener('submit', (e) => {
      e.preventDefault();
      const input = $('room-name');
      if (input.value.trim()) this.#raise('open', input.value.trim());
      input.value = '';
    });
    $('name-form').addEventListener('submit', (e) => {
      e.preventDefault();
      $('my-name').blur();
    });
    $('my-name').addEventListener('change', (e) => this.#raise('rename', e.target.value));
    $('leave').addEventListener('click', () => this.#raise('leave'));
    $('drop').addEventListener('click', () => this.#raise('drop'));
    const scroll = $('scroll');
    scroll.addEventListener('scroll', () => { if (this.#atEnd()) $('newer').hidden = true; }, { passive: true });
    $('newer').addEventListener('click', () => this.#toEnd());
    // What shrinks the list (a keyboard, a second line in the box) must not hide its end.
    let height = scroll.clientHeight;
    new ResizeObserver(() => {
      const end = scroll.scrollHeight - scroll.scrollTop - height < 60;
      height = scroll.clientHeight;
      if (end) this.#toEnd();
    }).observe(scroll);
  }

  // on registers what the user's actions do: open, leave, rename, say, typing, drop.
  on(action, handler) { this.#handlers.set(action, handler); }

  #raise(action, value) { this.#handlers.get(action)?.(value); }

  // state is online, connecting or offline, and what to say about it.
  state(state, text) {
    $('app').dataset.state = state;
    const short = { online: 'Connected', connecting: 'Connecting', offline: 'Offline' }[state];
    if ($('status-text').textContent !== short) $('status-text').textContent = short;
    const trouble = state !== 'online' && text !== 'Connecting';
    $('banner').hidden = !trouble;
    if (trouble) $('banner').textContent = text;
    for (const id of ['send', 'drop', 'leave']) $(id).disabled = state !== 'online';
  }

  me(name) {
    $('my-name').value = name;
    paint($('my-avatar'), name);
  }

  // rooms is a list of {name, count, joined, current, unread}. Buttons are kept, so that focus stays where it is.
  rooms(list) {
    const shown = new Map([...$('rooms').children].map((item) => [item.dataset.room, item]));
    const items = list.map((room) => {
      const item = shown.get(room.name) || this.#roomItem(room.name);
      const button = item.firstChild;
      button.classList.toggle('joined', room.joined);
      button.setAttribute('aria-current', room.current);
      button.querySelector('.here').textContent = room.count || '';
      const unread = button.querySelector('.unread');
      unread.hidden = !room.unread;
      unread.textContent = room.unread > 99 ? '99+' : room.unread;
      const people = room.count === 1 ? '1 person' : `${room.count} people`;
      button.setAttribute('aria-label', `${room.name}, ${people}${room.unread ? `, ${room.unread} unread` : ''}`);
      return item;
    });
    const same = items.length === shown.size && items.every((item, i) => $('rooms').children[i] === item);
    if (same) return;
    const focused = document.activeElement;
    $('rooms').replaceChildren(...items);
    if (focused?.closest?.('#rooms')) focused.focus();
  }

  #roomItem(name) {
    const item = element('li');
    item.dataset.room = name;
    const button = element('button');
    button.type = 'button';
    button.append(element('span', 'name', name), element('span', 'unread'), element('span', 'here'));
    button.addEventListener('click', () => {
      this.#closeDrawers();
      this.#raise('open', name);
    });
    item.append(button);
    return item;
  }

  // room shows another room's messages.
  room(name, messages, isMine) {
    $('room-title').textContent = name;
    document.title = `#${name} · SmartSocket`;
    $('text').placeholder = `Message #${name}`;
    this.#last = null;
    const log = $('messages');
    log.setAttribute('aria-live', 'off');
    log.replaceChildren(...messages.map((message) => this.#message(message, isMine(message))));
    requestAnimationFrame(() => log.setAttribute('aria-live', 'polite'));
    $('empty').hidden = messages.length > 0;
    this.#toEnd();
  }

  // append shows one more message, and follows it unless the reader has scrolled up.
  append(message, mine) {
    const follow = mine || this.#atEnd();
    $('empty').hidden = true;
    const log = $('messages');
    log.append(this.#message(message, mine));
    while (log.children.length > 200) log.firstChild.remove();
    if (follow) this.#toEnd();
    else $('newer').hidden = false;
  }

  #message(message, mine) {
    const before = this.#last;
    const same = before && before.from === message.from && before.name === message.name && message.at - before.at < 120000;
    this.#last = { from: message.from, name: message.name, at: message.at, item: null };
    const item = element('li', 'message');
    item.classList.toggle('mine', mine);
    item.classList.toggle('same', Boolean(same));
    // The avatar stands beside the last message of a group.
    if (same) before.item?.classList.add('follow');
    this.#last.item = item;
    const by = element('span', 'by');
    by.append(element('b', '', message.name), element('time', '', clock.format(message.at)));
    by.lastChild.dateTime = new Date(message.at).toISOString();
    const body = element('div', 'body');
    body.append(by, element('span', 'bubble', message.text));
    item.append(paint(element('span', 'avatar'), message.name), body);
    return item;
  }

  people(list, count, me) {
    $('people-count').textContent = count;
    $('room-info').textContent = count === 1 ? 'Only you are here' : `${count} people here`;
    $('people').replaceChildren(...list.map((person) => {
      const item = element('li');
      item.append(paint(element('span', 'avatar'), person.name), element('span', 'name', person.name));
      if (person.id === me) item.append(element('span', 'you', 'you'));
      return item;
    }));
    $('faces').replaceChildren(...list.slice(0, 5).map((person) => paint(element('span', 'avatar'), person.name)));
  }

  typing(names) {
    const who = names.length > 2 ? 'Several people are' : names.join(' and ') + (names.length > 1 ? ' are' : ' is');
    $('typing').textContent = names.length ? who + ' typing …' : '';
  }

  roundTrip(samples) {
    draw($('spark-line'), $('spark-area'), samples);
    const known = samples.filter((ms) => ms !== null);
    const last = samples.at(-1);
    $('rtt').textContent = last === null ? '–' : decimal(last);
    if (known.length) $('rtt-range').textContent = `${decimal(Math.min(...known))} to ${decimal(Math.max(...known))} ms over the last minute`;
  }

  figures(f) {
    $('rate').textContent = decimal(f.messagesIn + f.messagesOut);
    $('connections').textContent = f.connections.toLocaleString();
    $('memory').textContent = `${(f.memoryBytes / 1048576).toFixed(1)} MB`;
    $('uptime').textContent = duration(f.uptimeMs / 1000);
  }

  engine(name) { $('engine').textContent = name; }

  reconnects(n) { $('reconnects').textContent = n; }

  // giveBack returns a message that was not sent, unless another was begun.
  giveBack(text) {
    if ($('text').value === '') $('text').value = text;
    this.#grow();
  }

  toast(text) {
    if (this.#toasts.has(text)) return;
    const toast = element('div', 'toast', text);
    $('toasts').append(toast);
    this.#toasts.set(text, toast);
    setTimeout(() => {
      toast.remove();
      this.#toasts.delete(text);
    }, 5000);
  }

  // missing says that the client's files are not part of this server.
  missing(detail) {
    $('notice-detail').textContent = detail;
    $('notice').showModal();
  }

  #composer() {
    const box = $('text');
    $('composer').addEventListener('submit', (e) => {
      e.preventDefault();
      const text = box.value.trim();
      if (!text || $('send').disabled) return;
      box.value = '';
      this.#grow();
      this.#raise('say', text);
      box.focus();
    });
    // Enter sends, Shift+Enter starts a line. The keys of a phone's keyboard have no names, but a line break they mean to insert has.
    let shift = false;
    box.addEventListener('keydown', (e) => {
      shift = e.shiftKey;
      if (e.key !== 'Enter' || shift || e.isComposing) return;
      e.preventDefault();
      $('composer').requestSubmit();
    });
    box.addEventListener('beforeinput', (e) => {
      if (e.inputType !== 'insertLineBreak' || shift) return;
      e.preventDefault();
      $('composer').requestSubmit();
    });
    box.addEventListener('input', () => {
      this.#grow();
      if (box.value) this.#raise('typing');
    });
  }

  #grow() {
    const box = $('text');
    box.style.height = 'auto';
    box.style.height = `${Math.min(box.scrollHeight, 132)}px`;
  }

  #drawers() {
    for (const [button, panel] of [['show-rooms', 'rooms-panel'], ['show-info', 'info-panel']]) {
      $(button).addEventListener('click', () => {
        $(panel).classList.add('open');
        $(button).setAttribute('aria-expanded', 'true');
        $('backdrop').hidden = false;
        $(panel).querySelector('button, input')?.focus();
      });
    }
    $('backdrop').addEventListener('click', () => this.#closeDrawers());
    addEventListener('keydown', (e) => { if (e.key === 'Escape') this.#closeDrawers(); });
  }

  #closeDrawers() {
    for (const [button, panel] of [['show-rooms', 'rooms-panel'], ['show-info', 'info-panel']]) {
      if (!$(panel).classList.contains('open')) continue;
      $(panel).classList.remove('open');
      $(button).setAttribute('aria-expanded', 'false');
      $(button).focus();
    }
    $('backdrop').hidden = true;
  }

  #atEnd() {
    const s = $('scroll');
    return s.scrollHeight - s.scrollTop - s.clientHeight < 60;
  }

  #toEnd() {
    $('scroll').scrollTop = $('scroll').scrollHeight;
    $('newer').hidden = true;
  }
}

function element(tag, kind, text) {
  const e = document.createElement(tag);
  if (kind) e.className = kind;
  if (text !== undefined) e.textContent = text;
  return e;
}

function paint(avatar, name) {
  avatar.style.setProperty('--hue', hue(name));
  avatar.textContent = initials(name);
  return avatar;
}

const decimal = (n) => n.toFixed(n < 10 ? 1 : 0);

function duration(s) {
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}
