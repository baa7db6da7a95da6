// Everything of the page but the canvas.

import { draw } from '../spark.js';

const $ = (id) => document.getElementById(id);

export class Panel {
  #unread = 0;
  #toasts = new Map();
  #raise;

  // raise(event, detail) is told: name, talk, slow, drop, engine.
  constructor(raise) {
    this.#raise = raise;
    $('name-form').addEventListener('submit', (e) => { e.preventDefault(); $('name').blur(); });
    $('name').addEventListener('change', () => raise('name', $('name').value.trim()));
    $('talk-form').addEventListener('submit', (e) => {
      e.preventDefault();
      const text = $('talk').value.trim();
      if (!text) return;
      $('talk').value = '';
      raise('talk', text);
    });
    $('slow').addEventListener('click', () => raise('slow'));
    $('drop').addEventListener('click', () => raise('drop'));
    $('engines').addEventListener('change', (e) => raise('engine', e.target.value));
    this.#tabs();
  }

  get name() { return $('name').value.trim(); }
  set name(text) { $('name').value = text; }

  state(state, text) {
    document.body.dataset.state = state;
    $('status-text').textContent = text;
    $('veil').hidden = state === 'online';
    $('veil').textContent = state === 'online' ? '' : text;
    $('drop').disabled = state !== 'online';
  }

  engine(name) { $('engine').textContent = name; }

  slow(on) { $('slow').setAttribute('aria-pressed', String(on)); }

  note(text) { $('note').textContent = text; }

  helped() { $('help').classList.add('done'); }

  figures(f, stats, skipped, resumed) {
    draw($('rtt-line'), $('rtt-area'), f.rtt);
    draw($('in-line'), $('in-area'), f.rate);
    const last = f.rtt.at(-1);
    $('rtt').textContent = last === null ? '–' : milliseconds(last);
    $('in').textContent = `${f.in}/s`;
    $('out').textContent = `${f.out}/s`;
    $('bytes').textContent = `${(f.bytes / 1024).toFixed(1)} kB/s`;
    $('skipped').textContent = skipped.toLocaleString();
    $('resumed').textContent = resumed;
    $('offset').textContent = milliseconds(stats.clockOffset);
    this.engine(stats.engine);
  }

  server(s) { $('server').textContent = `${Math.round(s.messagesOut).toLocaleString()}/s`; }

  // board lists the players, the richest first.
  board(players, me) {
    const rows = [...players].sort(([a, p], [b, q]) => q.score - p.score || a - b).map(([id, p]) => {
      const row = document.createElement('tr');
      row.className = [p.bot && 'bot', p.away && 'away', id === me && 'me'].filter(Boolean).join(' ');
      const name = document.createElement('td');
      const dot = document.createElement('i');
      dot.style.setProperty('--hue', p.hue);
      name.append(dot, p.name);
      const what = id === me ? 'you' : p.away ? 'away' : '';
      if (what) name.append(Object.assign(document.createElement('small'), { textContent: what }));
      row.append(name, cell(p.score), cell(p.bot ? '' : p.rtt && !p.away ? milliseconds(p.rtt) : '–'));
      return row;
    });
    $('board').replaceChildren(...rows);
    const own = players.get(me);
    if (own) {
      const rank = [...players.values()].filter((p) => p.score > own.score).length + 1;
      $('summary').textContent = `You have ${own.score} gems, rank ${rank} of ${players.size}.`;
    }
  }

  // lines replaces the conversation; line adds to it.
  lines(list) {
    $('lines').replaceChildren(...list.map((line) => item(line)));
    $('lines').scrollTop = $('lines').scrollHeight;
  }

  line(line) {
    const list = $('lines');
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(item(line));
    while (list.children.length > 100) list.firstElementChild.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
    if (document.body.dataset.tab !== 'chat') this.#count(this.#unread + 1);
  }

  giveBack(text) { if ($('talk').value === '') $('talk').value = text; }

  #count(n) {
    this.#unread = n;
    $('unread').textContent = n;
    $('unread').hidden = n === 0;
  }

  toast(text) {
    if (this.#toasts.has(text)) return;
    const toast = Object.assign(document.createElement('div'), { className: 'toast', textContent: text });
    $('toasts').append(toast);
    this.#toasts.set(text, toast);
    setTimeout(() => {
      toast.remove();
      this.#toasts.delete(text);
    }, 5000);
  }

  #tabs() {
    const tabs = ['board', 'chat', 'wire'];
    const show = (tab) => {
      document.body.dataset.tab = tab;
      for (const t of tabs) {
        $('tab-' + t).setAttribute('aria-selected', String(t === tab));
        $('tab-' + t).tabIndex = t === tab ? 0 : -1;
      }
      if (tab === 'chat') {
        this.#count(0);
        $('lines').scrollTop = $('lines').scrollHeight;
      }
    };
    for (const tab of tabs) {
      $('tab-' + tab).addEventListener('click', () => show(tab));
      $('tab-' + tab).addEventListener('keydown', (e) => {
        const step = { ArrowRight: 1, ArrowLeft: 2 }[e.key];
        if (!step) return;
        const next = tabs[(tabs.indexOf(tab) + step) % tabs.length];
        show(next);
        $('tab-' + next).focus();
      });
    }
  }
}

function cell(text) { return Object.assign(document.createElement('td'), { textContent: text }); }

function item(line) {
  const li = document.createElement('li');
  if (!line.name) {
    li.className = 'soft';
    li.textContent = line.text;
    return li;
  }
  const by = document.createElement('b');
  by.textContent = line.name;
  by.style.setProperty('--hue', line.hue);
  li.append(by, line.text);
  return li;
}

function milliseconds(ms) { return `${Math.abs(ms) < 10 ? ms.toFixed(1) : Math.round(ms)} ms`; }
