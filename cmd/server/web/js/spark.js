// The round-trip curve as two SVG paths: a line and the area below it.

const WIDTH = 240;
const HEIGHT = 56;
const POINTS = 60;

// draw puts samples (ms, null = no answer) at the right edge, newest last. One
// outlier does not flatten the rest: what is over four times the median is cut.
export function draw(line, area, samples) {
  const sorted = samples.filter((ms) => ms !== null).sort((a, b) => a - b);
  const top = Math.max(1, Math.min(sorted.at(-1) ?? 0, 4 * (sorted[sorted.length >> 1] ?? 0))) * 1.25;
  const runs = [];
  samples.forEach((ms, i) => {
    if (ms === null) {
      runs.push([]);
      return;
    }
    if (!runs.length) runs.push([]);
    const x = WIDTH - (samples.length - 1 - i) * (WIDTH / (POINTS - 1));
    runs.at(-1).push([x.toFixed(1), (HEIGHT - 2 - Math.min(1, ms / top) * (HEIGHT - 6)).toFixed(1)]);
  });
  const drawn = runs.filter((run) => run.length);
  line.setAttribute('d', drawn.map((run) => 'M' + run.map((p) => p.join(' ')).join('L') + (run.length === 1 ? 'h.1' : '')).join(''));
  area.setAttribute('d', drawn.map((run) => `M${run[0][0]} ${HEIGHT}L${run.map((p) => p.join(' ')).join('L')}L${run.at(-1)[0]} ${HEIGHT}Z`).join(''));
}
