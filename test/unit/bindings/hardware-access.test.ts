import assert from 'node:assert/strict';
import { test } from 'node:test';
import { giveUpRights } from '../../../bindings/hardware-access.ts';
import { type HardwareAccess, HypervisorError } from '../../../bindings/hypervisor.ts';
import { SimulatedRights } from '../../../bindings/simulated-rights.ts';

function after(access: HardwareAccess): { rights: SimulatedRights; ports: number[] } {
  const rights = new SimulatedRights();
  giveUpRights(access, rights);
  const ports = Array.from({ length: 0x1_0000 }, (_, port) => port).filter((first) =>
    rights.holds('ioports', { first, count: 1 }),
  );
  return { rights, ports };
}

function refusal(access: HardwareAccess): HypervisorError {
  try {
    after(access);
  } catch (error) {
    assert(error instanceof HypervisorError, String(error));
    return error;
  }
  return assert.fail('it should have been refused');
}

const range = (first: number, last = first) => ({ first, count: last - first + 1 });

test('only: the rest goes, around what Xen keeps, and whatever the order and overlap', () => {
  const { ports } = after({ ioports: { only: [range(0x70, 0x71), range(0x60), range(0x70)] } });
  assert.deepEqual(ports, [0x60, 0x70, 0x71]);
  assert.deepEqual(after({ ioports: { only: [range(0xffff), range(0)] } }).ports, [0, 0xffff]);
  assert.deepEqual(after({ ioports: { only: [] } }).ports, []);
});

test('without: these go, and nothing else does', () => {
  const all = after({}).ports.length;
  const { ports, rights } = after({
    ioports: { without: [range(0x3f8, 0x3ff)] },
    iomem: { without: [range(0xffc00, 0xfffff)] },
    irqs: { without: [range(5)] },
  });
  assert.equal(ports.length, all - 8);
  assert.ok(rights.holds('iomem', range(0xff000, 0xffbff)));
  assert.ok(!rights.holds('iomem', range(0xffc00)));
  assert.ok(rights.holds('irqs', range(4)) && !rights.holds('irqs', range(5)));
});

test('the message says what is lacking', () => {
  const { message } = refusal({ ioports: { only: [range(0x1f, 0x30)] } });
  assert.match(message, /I\/O ports 1f to 30: 20 is not its own$/);
});

test('what Xen keeps can neither stay nor go', () => {
  for (const access of [
    { ioports: { only: [range(0x60), range(0x20)] } },
    { ioports: { without: [range(0x1f, 0x20)] } },
    { iomem: { without: [range(0xfee00)] } },
    { irqs: { only: [range(2)] } },
  ]) {
    const { message, hint } = refusal(access);
    assert.match(message, /restrict the hardware domain: .* does not hold all of/);
    assert.match(hint, /keeps for itself/);
  }
});
