// A small curve of the last values. The figure beside it says the newest one as text, so the
// drawing itself is hidden from screen readers.

import { svg } from './dom.js';

const WIDTH = 200;
const HEIGHT = 40;
const POINTS = 90;

/** spark makes a curve with a method add(value), where null is a gap. @param {string} [kind] */
export function spark(kind = '') {
  const line = svg('path', { class: 'line' });
  const area = svg('path', { class: 'area' });
  const node = svg('svg', {
    class: `spark ${kind}`, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none',
    'aria-hidden': 'true', focusable: 'false',
  }, area, line);
  /** @type {(number | null)[]} */
  const values = [];
  node.add = (value) => {
    values.push(value);
    if (values.length > POINTS) values.shift();
    draw(line, area, values);
  };
  return node;
}

function draw(line, area, values) {
  const top = Math.max(...values.map((v) => v ?? 0), 1e-9) * 1.1;
  const runs = [/** @type {string[]} */ ([])];
  values.forEach((v, i) => {
    if (v === null) {
      runs.push([]);
      return;
    }
    const x = WIDTH - (values.length - 1 - i) * (WIDTH / (POINTS - 1));
    const y = HEIGHT - 1.5 - (v / top) * (HEIGHT - 4);
    runs[runs.length - 1].push(`${x.toFixed(1)} ${y.toFixed(1)}`);
  });
  const drawn = runs.filter((run) => run.length > 0);
  const x = (point) => point.split(' ')[0];
  line.setAttribute('d', drawn.map((run) => `M${run.join('L')}${run.length === 1 ? 'h.1' : ''}`)
    .join(''));
  area.setAttribute('d', drawn.map((run) => `M${x(run[0])} ${HEIGHT}L${run.join('L')}` +
    `L${x(run[run.length - 1])} ${HEIGHT}Z`).join(''));
}
