import { type PhaseSpan, phasesOf, readableTime, spanOf } from './phases.ts';
import type { ShownTimeline, TimelineStep } from './read-timeline.ts';

/** Pixels. */
const ROW = 18;
const LEFT = 16;
const TOP = 64;
const WIDTH = 1200;
/** For what is written to the right of a bar that ends there. */
const RIGHT = 320;
const BAR = 12;
/** A bar is seen, however short it is. */
const THINNEST = 2;
const GRID_LINES = 12;

/**
 * Grey text and lines, and bars of middle lightness, can be read on white and on black; the background is the page's.
 */
const STYLE = `text{font:12px system-ui,sans-serif;fill:#767676}
.title{font-size:16px;font-weight:600}.phase{font-weight:600}
.grid{stroke:#767676;stroke-opacity:.25}.band{fill:#767676;fill-opacity:.08}
.bar0{fill:#3d7fc4}.bar1{fill:#b0702a}.node{fill:#767676}`;

/** A boot as a picture in SVG: a row for each step, the time to the right, phases as bands behind their steps. */
export function timelineSvg(timeline: ShownTimeline): string {
  const { from, until } = spanOf(timeline);
  const scale = (WIDTH - LEFT - RIGHT) / Math.max(1, until - from);
  const x = (time: number) => LEFT + (time - from) * scale;
  const phases = phasesOf(timeline.steps);
  const rows: string[] = [];
  let y = TOP;
  if (timeline.node !== undefined) {
    const { started, running } = timeline.node;
    const node = {
      phase: 'node',
      step: 'Node starts',
      start: started,
      duration: running - started,
    };
    rows.push(bar(node, 'node', y, x));
    y += ROW;
  }
  for (const [index, phase] of phases.entries()) {
    const height = ROW * (phase.steps.length + 1);
    rows.push(heading(phase, y, height, index));
    y += ROW;
    for (const step of phase.steps) {
      rows.push(bar(step, `bar${index % 2}`, y, x));
      y += ROW;
    }
  }
  const height = y + 24;
  const title = `Boot in ${readableTime(until - from)}: ${timeline.steps.length} steps in ${phases.length} phases`;
  const slowest = timeline.steps.toSorted((a, b) => b.duration - a.duration).slice(0, 3);
  const told = slowest.map(({ step, duration }) => `${step} ${readableTime(duration)}`).join(', ');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc">
<title id="title">${markup(title)}</title>
<desc id="desc">${markup(`Longest: ${told || 'nothing'}. Each row is a step, from its start to its end.`)}</desc>
<style>${STYLE}</style>
<text class="title" x="${LEFT}" y="26">${markup(title)}</text>
${grid(from, until, x, height)}
${rows.join('\n')}
</svg>
`;
}

function grid(from: number, until: number, x: (time: number) => number, height: number): string {
  const step = niceStep((until - from) / GRID_LINES);
  const lines: string[] = [];
  for (let time = Math.ceil(from / step) * step; time <= until; time += step) {
    const at = pixel(x(time));
    lines.push(
      `<line class="grid" x1="${at}" y1="${TOP - 14}" x2="${at}" y2="${height - 16}"/><text x="${at}" y="${TOP - 18}" text-anchor="middle">${markup(readableTime(time))}</text>`,
    );
  }
  return lines.join('\n');
}

/** The next number of milliseconds that is 1, 2 or 5 times a power of ten. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return ([1, 2, 5].find((factor) => factor * power >= least) ?? 10) * power;
}

function heading(
  { name, start, end }: PhaseSpan,
  y: number,
  height: number,
  index: number,
): string {
  const band =
    index % 2 === 0
      ? `<rect class="band" x="0" y="${y}" width="${WIDTH}" height="${height}"/>`
      : '';
  return `${band}<text class="phase" x="${LEFT}" y="${y + 13}">${markup(`${name}, ${readableTime(end - start)}`)}</text>`;
}

function bar(
  { phase, step, start, duration }: TimelineStep,
  kind: string,
  y: number,
  x: (time: number) => number,
): string {
  const [left, width] = [x(start), Math.max(THINNEST, x(start + duration) - x(start))];
  const told = `${step}: ${readableTime(duration)}`;
  return `<g><title>${markup(`${phase}: ${told}, at ${readableTime(start)}`)}</title><rect class="${kind}" x="${pixel(left)}" y="${y + 3}" width="${pixel(width)}" height="${BAR}" rx="2"/><text x="${pixel(left + width + 6)}" y="${y + 13}">${markup(shortened(told))}</text></g>`;
}

/** A name may be as long as its domain's; the whole one is in the bar's title. */
function shortened(text: string): string {
  const most = 44;
  return text.length > most ? `${text.slice(0, most - 12)}…${text.slice(-11)}` : text;
}

const pixel = (value: number) => String(Math.round(value * 10) / 10);

/** Names are not ours: nothing in them is markup, and nothing is what XML does not allow (XML 1.0, 2.2). */
function markup(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e\xa0-\ud7ff\ue000-\ufffd]/gu, '?')
    .replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
