/** The parts of the real implementation that can be judged without Xen. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { HypervisorError } from '../../../bindings/hypervisor.ts';
import { callRefused } from '../../../bindings/refusal.ts';
import { cpuMap, cpusIn } from '../../../bindings/xen/affinity.ts';
import { memoryEnds } from '../../../bindings/xen/hvm-container.ts';
import { formatUuid, parseUuid } from '../../../bindings/xen/inventory.ts';
import { hardwareDomidOf } from '../../../bindings/xen-command-line.ts';
import { XenHypervisor } from '../../../bindings/xen-hypervisor.ts';

const onXen = existsSync('/proc/xen/privcmd') || existsSync('/dev/xen/privcmd');

test('without Xen, opening fails with a message that says so', { skip: onXen }, () => {
  assert.throws(
    () => XenHypervisor.open(),
    (error) => {
      assert(error instanceof HypervisorError);
      assert.equal(error.call, 'xencall_open');
      assert.equal(error.errno, 'ENOENT');
      assert.match(
        error.message,
        /^cannot reach a Xen hypervisor: xencall_open: ENOENT \(Could not/,
      );
      assert.match(error.hint, /xen-privcmd/);
      return true;
    },
  );
});

test("Xen's command line tells the hardware domain as Xen reads it", () => {
  const cases: [string, number | undefined][] = [
    ['console=com1 boot-domain flask=enforcing', 0],
    ['boot-domain=yes', 0],
    ['boot-domain=no', undefined],
    ['boot-domain no-boot-domain', undefined],
    ['hardware_dom=5', 5],
    ['hardware_dom=0x10', 16],
    ['hardware_dom=5 hardware_dom=6', 6],
    ['console=com1', undefined],
    ['boot-domainx xhardware_dom=3', undefined],
    ['', undefined],
  ];
  for (const [commandLine, domid] of cases) {
    assert.equal(hardwareDomidOf(commandLine), domid, commandLine);
  }
});

test('memory of a PVH domain goes around the hole below 4 GiB', () => {
  const KIB_OF_GIB = 2 ** 20;
  assert.deepEqual(memoryEnds(128 * 1024), { low: 2 ** 27, high: 0 });
  assert.deepEqual(memoryEnds(4032 * 1024), { low: 0xfc00_0000, high: 0 });
  assert.deepEqual(memoryEnds(4032 * 1024 + 4), { low: 0xfc00_0000, high: 2 ** 32 + 4096 });
  const { low, high } = memoryEnds(6 * KIB_OF_GIB);
  assert.equal(low + (high - 2 ** 32), 6 * 2 ** 30);
});

test('a UUID survives the way through a domain handle', () => {
  const uuid = '6a4f3c3e-0d5b-4c09-9a5e-2f6d0b7a1c11';
  const handle = parseUuid(uuid);
  assert.equal(handle.toString('hex'), '6a4f3c3e0d5b4c099a5e2f6d0b7a1c11');
  assert.equal(formatUuid(handle), uuid);
});

test('an error quotes what the library logged, and prefers the advice of the operation', () => {
  const attempt = { wanted: 'do it', domid: 3, hints: { EINVAL: 'do it otherwise' } };
  const error = callRefused(attempt, 'xc_it', 'EINVAL', ['xc: error: no such luck', 'more']);
  assert.equal(error.message, 'cannot do it: xc_it: EINVAL (no such luck; more)');
  assert.equal(error.hint, 'do it otherwise');
  assert.equal(callRefused(attempt, 'xc_it', '').message, 'cannot do it: xc_it failed');
  assert.match(callRefused(attempt, 'xc_it', 'ENOMEM').hint, /less memory/);
  assert.match(callRefused(attempt, 'xc_it', 'EIO').hint, /Xen's console/);
});

test('a CPU map has one bit for each CPU', () => {
  assert.deepEqual([...cpuMap([0, 5], 1)], [0b100001]);
  assert.deepEqual([...cpuMap([8], 2)], [0, 1]);
  assert.deepEqual(cpusIn(cpuMap([0, 7, 8, 63], 8)), [0, 7, 8, 63]);
});
