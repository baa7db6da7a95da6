// The arena on a canvas.

const still = matchMedia('(prefers-reduced-motion: reduce)');

export class Painter {
  #canvas;
  #g;
  #colours = {};
  #sparks = []; // { x, y, vx, vy, hue, life }
  #rings = []; // { x, y, hue, life }
  #gemsBefore = [];
  #dashReady = 0;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#g = canvas.getContext('2d');
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#read());
    this.#read();
  }

  #read() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ['floor', 'grid', 'edge', 'gem', 'gem-lit', 'label', 'bot', 'text', 'panel', 'soft', 'light']) this.#colours[name] = style.getPropertyValue('--' + name).trim();
  }

  dashed(pause) { this.#dashReady = performance.now() + pause; }

  // burst shows that gems changed hands.
  burst(p, hue) {
    if (still.matches || !p) return;
    this.#rings.push({ x: p.x, y: p.y, hue, life: 1 });
    for (let i = 0; i < 14; i++) this.#spark(p.x, p.y, hue, 60 + Math.random() * 160);
  }

  #spark(x, y, hue, speed) {
    const a = Math.random() * Math.PI * 2;
    this.#sparks.push({ x, y, vx: Math.cos(a) * speed, vy: Math.sin(a) * speed, hue, life: 1 });
  }

  draw(scene, world, dt) {
    const { rules, me } = world;
    const g = this.#g, c = this.#colours;
    const box = this.#canvas.getBoundingClientRect();
    const ratio = Math.min(2, devicePixelRatio || 1);
    const width = Math.round(box.width * ratio), height = Math.round(box.height * ratio);
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    const scale = width / rules.width;
    // On a phone everything would be tiny: discs and names are drawn larger than they are.
    const size = Math.max(1, 0.62 / (box.width / rules.width)) ** 0.7;
    g.setTransform(scale, 0, 0, scale, 0, 0);
    g.fillStyle = c.floor;
    g.fillRect(0, 0, rules.width, rules.height);
    this.#grid(rules);
    this.#gems(scene.gems, rules, size);
    const players = scene.players.sort((a, b) => (a.id === me) - (b.id === me));
    for (const p of players) this.#player(p, p.id === me, rules, size);
    this.#effects(dt);
  }

  #grid(rules) {
    const g = this.#g;
    g.strokeStyle = this.#colours.grid;
    g.lineWidth = 1.5;
    g.beginPath();
    for (let x = 100; x < rules.width; x += 100) { g.moveTo(x, 0); g.lineTo(x, rules.height); }
    for (let y = 100; y < rules.height; y += 100) { g.moveTo(0, y); g.lineTo(rules.width, y); }
    g.stroke();
  }

  #gems(gems, rules, size) {
    const g = this.#g;
    const beat = still.matches ? 1 : 1 + 0.09 * Math.sin(performance.now() / 260);
    gems.forEach((gem, i) => {
      const before = this.#gemsBefore[i];
      if (before && !still.matches && (before.x !== gem.x || before.y !== gem.y)) for (let k = 0; k < 5; k++) this.#spark(before.x, before.y, 42, 40 + Math.random() * 70);
      const r = rules.gemR * size * beat;
      g.fillStyle = this.#colours.gem;
      g.beginPath();
      g.moveTo(gem.x, gem.y - r); g.lineTo(gem.x + r * 0.8, gem.y); g.lineTo(gem.x, gem.y + r); g.lineTo(gem.x - r * 0.8, gem.y);
      g.fill();
      g.fillStyle = this.#colours['gem-lit'];
      g.beginPath();
      g.moveTo(gem.x, gem.y - r); g.lineTo(gem.x + r * 0.8, gem.y); g.lineTo(gem.x, gem.y - r * 0.15);
      g.fill();
    });
    this.#gemsBefore = gems;
  }

  #player(p, mine, rules, size) {
    const g = this.#g, c = this.#colours;
    const r = rules.playerR * size;
    const colour = p.bot ? c.bot : `hsl(${p.hue} 68% ${c.light})`;
    g.globalAlpha = p.away ? 0.3 : 1;
    if (p.dash && !still.matches) for (let i = 0; i < 2; i++) this.#sparks.push({ x: p.x, y: p.y, vx: -p.ax + Math.random() * 40 - 20, vy: -p.ay + Math.random() * 40 - 20, hue: p.bot ? 220 : p.hue, life: 0.8 });
    if (p.safe) {
      g.strokeStyle = colour;
      g.lineWidth = 2.5;
      g.setLineDash([7, 6]);
      g.beginPath();
      g.arc(p.x, p.y, r + 7, 0, Math.PI * 2);
      g.stroke();
      g.setLineDash([]);
    }
    g.fillStyle = colour;
    g.beginPath();
    g.arc(p.x, p.y, r, 0, Math.PI * 2);
    g.fill();
    if (p.ax || p.ay) { // a nose says where it goes
      const a = Math.atan2(p.ay, p.ax);
      g.beginPath();
      g.moveTo(p.x + Math.cos(a) * (r + 8), p.y + Math.sin(a) * (r + 8));
      g.lineTo(p.x + Math.cos(a + 0.5) * r, p.y + Math.sin(a + 0.5) * r);
      g.lineTo(p.x + Math.cos(a - 0.5) * r, p.y + Math.sin(a - 0.5) * r);
      g.fill();
    }
    if (mine) this.#own(p, r);
    g.textAlign = 'center';
    g.textBaseline = 'middle';
    g.font = `700 ${15 * size}px system-ui, sans-serif`;
    g.fillStyle = '#fff';
    g.shadowColor = 'rgb(0 0 0 / 55%)';
    g.shadowBlur = 3;
    g.fillText(p.score, p.x, p.y + 0.5);
    g.shadowBlur = 0;
    g.font = `${mine ? 650 : 500} ${15 * size}px system-ui, sans-serif`;
    g.fillStyle = c.label;
    const name = p.name + (p.away ? ' (away)' : '');
    g.fillText(name, p.x, p.y - r - 14 * size < 8 ? p.y + r + 14 * size : p.y - r - 14 * size);
    g.globalAlpha = 1;
  }

  // own marks the player of this page, and shows when it can dash again.
  #own(p, r) {
    const g = this.#g;
    const left = Math.max(0, this.#dashReady - performance.now()) / 1200;
    g.strokeStyle = this.#colours.text;
    g.lineWidth = 3;
    g.beginPath();
    g.arc(p.x, p.y, r + 2, -Math.PI / 2, -Math.PI / 2 + Math.PI * 2 * (1 - left));
    g.stroke();
  }

  #effects(dt) {
    const g = this.#g;
    for (const s of this.#sparks) {
      s.x += s.vx * dt;
      s.y += s.vy * dt;
      s.life -= dt * 2.4;
      g.fillStyle = `hsl(${s.hue} 80% 58% / ${Math.max(0, s.life)})`;
      g.beginPath();
      g.arc(s.x, s.y, 3.4 * Math.max(0, s.life) + 0.6, 0, Math.PI * 2);
      g.fill();
    }
    for (const ring of this.#rings) {
      ring.life -= dt * 2;
      g.strokeStyle = `hsl(${ring.hue} 80% 58% / ${Math.max(0, ring.life)})`;
      g.lineWidth = 4;
      g.beginPath();
      g.arc(ring.x, ring.y, 20 + (1 - ring.life) * 60, 0, Math.PI * 2);
      g.stroke();
    }
    this.#sparks = this.#sparks.filter((s) => s.life > 0).slice(-300);
    this.#rings = this.#rings.filter((r) => r.life > 0);
  }
}
