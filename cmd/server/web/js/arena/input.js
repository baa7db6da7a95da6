// Keys, fingers and mouse become one direction and the wish to dash.

const KEYS = {
  ArrowLeft: [-1, 0], KeyA: [-1, 0], ArrowRight: [1, 0], KeyD: [1, 0],
  ArrowUp: [0, -1], KeyW: [0, -1], ArrowDown: [0, 1], KeyS: [0, 1],
};

export class Input {
  #down = new Set();
  #stick = null; // direction of the pad, each -1..1
  #last = '0,0';
  #dash = false;
  #changed;

  // changed(ax, ay, dash) is called when there is something to tell the server.
  constructor({ pad, dash, changed }) {
    this.#changed = changed;
    addEventListener('keydown', (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey || this.#typing(e.target)) return;
      if (e.code === 'Space' && !e.target.closest('button, a, label, [role=tab]')) {
        e.preventDefault();
        if (!e.repeat) this.dash();
      } else if (KEYS[e.code] && !(e.target.closest('[role=tab], [type=radio], #lines') && e.code.startsWith('Arrow'))) {
        e.preventDefault();
        this.#down.add(e.code);
        this.#tell();
      }
    });
    addEventListener('keyup', (e) => { if (this.#down.delete(e.code)) this.#tell(); });
    addEventListener('blur', () => this.release());
    document.addEventListener('visibilitychange', () => { if (document.hidden) this.release(); });
    this.#pad(pad);
    dash.addEventListener('pointerdown', (e) => { e.preventDefault(); this.dash(); });
    dash.addEventListener('click', (e) => { if (e.detail === 0) this.dash(); });
  }

  #typing(target) { return target.closest('input:not([type=radio]), textarea, select') !== null; }

  dash() {
    this.#dash = true;
    this.#tell();
    this.#dash = false;
  }

  // release lets go of everything.
  release() {
    this.#down.clear();
    this.#stick = null;
    this.#tell();
  }

  #tell() {
    let x = 0, y = 0;
    for (const code of this.#down) {
      x += KEYS[code][0];
      y += KEYS[code][1];
    }
    if (this.#stick) [x, y] = this.#stick;
    const length = Math.max(1, Math.hypot(x, y));
    const ax = Math.round(x / length * 127), ay = Math.round(y / length * 127);
    if (`${ax},${ay}` === this.#last && !this.#dash) return;
    this.#last = `${ax},${ay}`;
    this.#changed(ax, ay, this.#dash);
  }

  #pad(pad) {
    const knob = pad.firstElementChild;
    let pointer = null;
    const follow = (e) => {
      if (e.pointerId !== pointer) return;
      const box = pad.getBoundingClientRect();
      let x = (e.clientX - box.left) / box.width * 2 - 1, y = (e.clientY - box.top) / box.height * 2 - 1;
      const length = Math.max(1, Math.hypot(x, y));
      x /= length;
      y /= length;
      this.#stick = Math.hypot(x, y) < 0.18 ? [0, 0] : [x, y];
      knob.style.transform = `translate(${x * 34}px, ${y * 34}px)`;
      this.#tell();
    };
    pad.addEventListener('pointerdown', (e) => {
      e.preventDefault();
      pointer = e.pointerId;
      pad.setPointerCapture(pointer);
      follow(e);
    });
    pad.addEventListener('pointermove', follow);
    for (const end of ['pointerup', 'pointercancel']) {
      pad.addEventListener(end, (e) => {
        if (e.pointerId !== pointer) return;
        pointer = null;
        knob.style.transform = '';
        this.#stick = null;
        this.#tell();
      });
    }
  }
}
