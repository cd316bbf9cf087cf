import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcomes, spoken } from '../boot/hostile/record.ts';

const denial =
  '(XEN) avc:  denied  { map_write map_read } for source=d1 target=d32736 scontext=system_u:system_r:domU_t ' +
  'tcontext=system_u:system_r:vtpm_t tclass=mmu';
const console = `
${denial}
[  31.20] (XEN) (d1) probe guest begin 0 0: 0
[  31.21] ${denial}
[  31.22] (XEN) (d1) probe guest map 32736 4096: -13
[  31.23] (XEN) (d1) probe guest kexec 0 0: -13
[  31.24] ${denial}
[  31.25] (XEN) (d2) probe driver map 32736 4096: -1
`;

test('an AVC line belongs to the attempt whose line comes next', () => {
  const seen = outcomes(console, 'guest');
  assert.equal(seen.get('map 32736 4096')?.result, -13);
  assert.equal(seen.get('map 32736 4096')?.denials.length, 1);
  assert.deepEqual(seen.get('kexec 0 0'), { result: -13, denials: [] });
  assert.equal(outcomes(console, 'driver').get('map 32736 4096')?.denials.length, 1);
  assert.equal(outcomes(console, 'vtpm').size, 0);
});

test('an AVC line is read by its types, class and permissions', () => {
  assert.equal(spoken(denial), 'domU_t vtpm_t mmu map_read,map_write');
  assert.equal(spoken('avc: denied { x'), 'no scontext no tcontext no class ');
});
