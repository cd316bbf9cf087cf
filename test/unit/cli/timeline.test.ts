import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { phasesOf, readableTime } from '../../../cli/timeline/phases.ts';
import { readTimeline, TimelineError } from '../../../cli/timeline/read-timeline.ts';
import { timelineSvg } from '../../../cli/timeline/svg.ts';
import { timelineTable } from '../../../cli/timeline/table.ts';
import { domb } from '../../lib/domb.ts';

const directory = mkdtempSync(join(tmpdir(), 'domb-timeline-'));
after(() => rmSync(directory, { recursive: true }));

const steps = [
  { phase: 'open', step: 'open tpm', start: 2000, duration: 120.5 },
  { phase: 'open', step: 'open log', start: 2121, duration: 30 },
  { phase: 'build', step: 'build dom0', start: 2200, duration: 1800 },
];
const node = { started: 500, running: 1900 };
const record = { version: 1, domains: [], node, timeline: steps };
const demo = { host: [{ name: 'Xen', readableTime: 3 }], bootDomain: { initToHalt: 3500, steps } };

test('a record and what the demo leaves are read alike', () => {
  assert.deepEqual(readTimeline(JSON.stringify(record)), { steps, node });
  assert.deepEqual(readTimeline(JSON.stringify(demo)), { steps });
});

test('what is no timeline is refused', () => {
  const refused: [unknown, RegExp][] = [
    [[], /the file is no object/],
    [{}, /no steps/],
    [{ bootDomain: 3 }, /bootDomain is no object/],
    [{ timeline: [null] }, /step 1 is no object/],
    [{ timeline: [{ phase: 'a', step: 1, start: 0, duration: 0 }] }, /step 1 has no name/],
    [{ timeline: [{ ...steps[0], start: -1 }] }, /step 1 has a time that is none/],
    [{ timeline: [{ ...steps[0], duration: 1e300 }] }, /step 1 has a time that is none/],
    [{ timeline: new Array(20_001).fill(steps[0]) }, /20001 steps/],
    [{ timeline: steps, node: { started: 'x' } }, /node has a time/],
  ];
  for (const [value, message] of refused) {
    assert.throws(
      () => readTimeline(JSON.stringify(value)),
      (error) => error instanceof TimelineError && message.test(error.message),
    );
  }
  assert.throws(() => readTimeline('{'), /no JSON/);
});

test('the table has each phase and step, when and how long', () => {
  assert.equal(
    timelineTable(readTimeline(JSON.stringify(record))),
    `      at     takes  phase, and its steps
500.0 ms    1.40 s  Node starts
  2.00 s  151.0 ms  open
  2.00 s  120.5 ms    open tpm
  2.12 s   30.0 ms    open log
  2.20 s    1.80 s  build
  2.20 s    1.80 s    build dom0
3.50 s: 3 steps in 2 phases
`,
  );
});

/** Attributes of an element of this class. */
function rects(svg: string, kind: string): { x: number; width: number }[] {
  const found = svg.matchAll(
    new RegExp(`<rect class="${kind}" x="([\\d.]+)" y="\\d+" width="([\\d.]+)"`, 'g'),
  );
  return [...found].map(([, x, width]) => ({ x: Number(x), width: Number(width) }));
}

test('the picture has a bar for each step, as long as it took, where it began', () => {
  const svg = timelineSvg(readTimeline(JSON.stringify(record)));
  const [first, second] = rects(svg, 'bar0');
  const [built] = rects(svg, 'bar1');
  const [start] = rects(svg, 'node');
  assert.ok(first && second && built && start);
  const perMillisecond = built.width / 1800;
  assert.ok(Math.abs(start.width - 1400 * perMillisecond) < 0.2);
  assert.ok(Math.abs(built.x - start.x - 1700 * perMillisecond) < 0.2);
  assert.ok(second.x > first.x + first.width - 0.2);
  for (const word of [
    'role="img"',
    '<title id="title">Boot in 3.50 s: 3 steps in 2 phases',
    '<desc id="desc">Longest: build dom0 1.80 s',
  ]) {
    assert.ok(svg.includes(word), word);
  }
  assert.ok(built.x + built.width <= 1200);
});

/** Fails where it is no well-formed XML. */
function assertXml(svg: string): void {
  const file = join(directory, 'picture.svg');
  writeFileSync(file, svg);
  const parse = 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])';
  execFileSync('python3', ['-c', parse, file], { stdio: 'pipe' });
}

test('hostile names stay text', () => {
  const step = `</text><script>alert(1)</script>"'&]]>\u0000\u001b\ud800\ufffe\u{1f600}`;
  const hostile = { timeline: [{ phase: '<b onload="x">', step, start: 0, duration: 1 }] };
  const svg = timelineSvg(readTimeline(JSON.stringify(hostile)));
  assertXml(svg);
  assert.doesNotMatch(svg, /<script|<b /);
  assert.match(svg, /&#60;script&#62;alert/);
  assert.match(timelineTable(readTimeline(JSON.stringify(hostile))), /^[\x20-\x7e\n]+$/);
});

test('a boot of a thousand steps, of one, of none', () => {
  const many = Array.from({ length: 1000 }, (_, index) => ({
    ...{ phase: `phase ${index >> 5}`, step: `build ${'x'.repeat(200)}${index}` },
    ...{ start: index * 20, duration: index % 7 },
  }));
  const svg = timelineSvg({ steps: many });
  assertXml(svg);
  assert.equal(rects(svg, 'bar\\d').length, 1000);
  assert.ok(rects(svg, 'bar\\d').every(({ width }) => width >= 2));
  assert.ok((svg.match(/class="grid"/g) ?? []).length <= 14);
  // Long names are cut, and whole in the bar's title.
  assert.ok(
    [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].every(([, text = '']) => text.length < 60),
  );
  for (const few of [[], many.slice(0, 1), [{ ...many[0], duration: 0 }]]) {
    assertXml(timelineSvg({ steps: few as typeof many }));
    assert.match(timelineTable({ steps: few as typeof many }), /steps in \d phases\n$/);
  }
});

test('phases of one name that are apart stay apart', () => {
  const again = [...steps, { ...steps[0], start: 5000 } as (typeof steps)[0]];
  assert.deepEqual(
    phasesOf(again).map(({ name, start, end }) => [name, start, end]),
    [
      ['open', 2000, 2151],
      ['build', 2200, 4000],
      ['open', 5000, 5120.5],
    ],
  );
  assert.deepEqual(
    [readableTime(999.94), readableTime(1000), readableTime(0)],
    ['999.9 ms', '1.00 s', '0.0 ms'],
  );
});

test('the command shows a file or standard input, and names what is none', async () => {
  const file = join(directory, 'record.json');
  writeFileSync(file, JSON.stringify(record));
  const shown = await domb(['timeline', file]);
  assert.equal(shown.status, 0);
  assert.match(shown.out, /build dom0\n3\.50 s: 3 steps in 2 phases\n$/);
  const picture = await domb(['timeline', '-', '--svg'], { stdin: JSON.stringify(demo) });
  assert.equal(picture.status, 0);
  assertXml(picture.out);
  writeFileSync(file, '{}');
  const none = await domb(['timeline', file]);
  assert.equal(none.status, 1);
  assert.match(none.error, /record\.json: there are no steps of a boot in it\n/);
  assert.match(none.error, /out\/demo/);
});
