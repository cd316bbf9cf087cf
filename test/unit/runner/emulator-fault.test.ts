import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Console } from '../../../platform/machine/console.ts';
import type { VirtualMachine } from '../../../platform/machine/machine.ts';
import { despiteEmulator, EMULATOR_FAULT } from '../../boot/emulator-fault.ts';

// As a boot's console showed it.
const fault = '(d3) [    1.902841] RIP: 0010:asm_sysvec_xen_hvm_callback+0x0/0x20';

/** A machine of which there is a console, and that can be stopped. */
function machine() {
  const console = new Console();
  const stopped: string[] = [];
  const stop = async () => {
    stopped.push('stopped');
    console.end();
  };
  return { stopped, machine: { console, stop } as unknown as VirtualMachine };
}

test("a guest's own fault is none of the emulator's", () => {
  assert.match(fault, EMULATOR_FAULT);
  for (const other of [
    'RIP: 0010:asm_sysvec_xen_hvm_callback+0x0/0x20',
    '(d3) RIP: 0010:asm_sysvec_xen_hvm_callback+0x5/0x20',
    '(XEN) RIP:    e008:[<ffff82d040326906>] domain.c#default_idle+0xc6/0xf0',
  ]) {
    assert.doesNotMatch(other, EMULATOR_FAULT);
  }
});

test('a boot is repeated once when the emulator broke a guest, and its machine is stopped at once', async () => {
  for (const faults of [0, 1, 2]) {
    const tries: string[][] = [];
    const booted = despiteEmulator('probe', async (watch) => {
      const { machine: its, stopped } = machine();
      const number = tries.push(stopped);
      watch(its);
      its.console.write(`${number <= faults ? fault : '(d3) guest: alive'}\n`);
      await its.console.waitFor(/alive/, 1000);
      return number;
    });
    if (faults === 2) await assert.rejects(booted, /the machine ended/);
    else assert.equal(await booted, faults + 1);
    assert.equal(tries.length, Math.min(faults + 1, 2));
    assert.equal(tries.flat().length, faults);
  }
});

test('what else fails is not tried again', async () => {
  let tries = 0;
  const failing = despiteEmulator('probe', async () => {
    tries += 1;
    throw new Error('600 s passed');
  });
  await assert.rejects(failing, /600 s passed/);
  assert.equal(tries, 1);
});
