/** Refusals on a console, which may hold anything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { denialsIn } from '../../../boot-configs/policy/explain/denials.ts';

/** As Xen 4.17 prints it, with what stands before it on some consoles. */
const line = (permissions: string, more = 'source=d0 target=d5 ', target = 'vtpm_t') =>
  `(XEN) avc:  denied  { ${permissions} } for ${more}` +
  `scontext=system_u:system_r:dom0_t tcontext=system_u:system_r:${target} tclass=mmu`;

test('refusals are read as Xen prints them, and equal ones are one', () => {
  const text = [
    'Linux version 6.1',
    line('map_read'),
    `[   31.47] ${line('map_read map_write', 'current=d0 range=0x0-0xfff ')}\r`,
    line('adjust', 'current=d[IO] ', 'domU_t'),
    `login: ${line('map_read', 'current=d0 pte=0x1 mfn=0x2 ')}`,
    `(XEN) [2026-11-28 22:00:00.123] ${line('stat', '').slice(6)}`,
  ].join('\n');
  assert.deepEqual(denialsIn(text), {
    found: [
      {
        ...{ source: 'dom0_t', target: 'vtpm_t', class: 'mmu', count: 4, line: 2 },
        permissions: ['map_read', 'map_write', 'stat'],
      },
      {
        ...{ source: 'dom0_t', target: 'domU_t', class: 'mmu', count: 1, line: 4 },
        permissions: ['adjust'],
      },
    ],
    notXens: [],
    unclear: [],
    more: false,
  });
});

test('what domains print is not taken for a refusal of Xen', () => {
  const text = [
    `(d5) ${line('map_read')}`,
    `[   12.0] (d32736) ${line('map_read')}`,
    line('map_read').slice(6),
    'avc: denied',
  ].join('\n');
  assert.deepEqual(denialsIn(text), { found: [], notXens: [1, 2, 3, 4], unclear: [], more: false });
});

test('broken refusals are counted, not guessed', () => {
  const text = [
    '(XEN) avc:  denied  { map_read } for current=d0 ssid=7 tsid=9 tclass=mmu',
    line('0x8000'),
    line('map_read').slice(0, -10),
    line('map_read', '', '\u001b[31mred'),
    line('map_read').replace('dom0_t', 'a'.repeat(90)),
    '(XEN) avc:  denied',
  ].join('\n');
  const { found, unclear } = denialsIn(text);
  assert.deepEqual([found, unclear], [[], [1, 2, 3, 4, 5, 6]]);
});

test('a hostile console takes neither time nor memory', () => {
  const many = Array.from({ length: 5000 }, (_, at) => line('map_read', '', `t${at}_t`));
  const { found, more } = denialsIn(many.join('\n'));
  assert.deepEqual([found.length, more], [500, true]);
  const lines = denialsIn('avc:  denied\n'.repeat(100_000));
  assert.equal(lines.notXens.length, 100);
  const start = process.cpuUsage().user;
  for (const part of ['avc:  denied  { ', '(XEN) ', ' scontext=', '{ a ', ' for ', '\u0000', '[']) {
    denialsIn(`(XEN) avc:  denied  { a } for ${part.repeat(1 << 20)}`);
    denialsIn(`(XEN) avc:  denied  {${part.repeat(300)}\n`.repeat(300));
    denialsIn(part.repeat(1 << 20));
  }
  assert.ok(process.cpuUsage().user - start < 10_000_000, 'microseconds');
});
