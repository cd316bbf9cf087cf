import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DomainLife } from '../../../bindings/xen/inventory.ts';
import type { RecordedGuest } from '../../../domains/vtpm-guests.ts';
import { GuestRegister } from '../../../vtpm/backend/register.ts';

const LABEL = 7;
const guest = (persistent: boolean): RecordedGuest => ({
  ...{ name: 'ledger', domid: 5, uuid: 'of ledger', sid: LABEL, launch: [], persistent },
});

function platform(persistent = true) {
  const domains = new Map<number, DomainLife>();
  const register = new GuestRegister([guest(persistent)], (domid) => domains.get(domid));
  const start = (domid: number, uuid = 'of ledger', sid = LABEL) =>
    domains.set(domid, { uuid, sid, dying: false });
  return { register, start, end: (domid: number) => domains.delete(domid) };
}

/** Whether the guest gets its TPM: as domB made it, as it was started anew, or not. */
function admitted(register: GuestRegister, domid: number): string {
  const answer = register.admit(domid);
  if (typeof answer === 'string') return answer;
  if (answer.recorded === undefined) return 'one of dom0';
  return answer.restarted ? 'anew' : 'made';
}

test('a guest whose TPM outlasts the boot is started anew, again and again, under other domids', () => {
  const { register, start, end } = platform();
  start(5);
  assert.equal(admitted(register, 5), 'made');
  for (const domid of [8, 9]) {
    end(domid === 8 ? 5 : 8);
    register.look();
    start(domid);
    assert.equal(admitted(register, domid), 'anew');
    assert.equal(admitted(register, domid), 'anew');
  }
});

test('one whose TPM ends with it is not, nor one that lives', () => {
  const volatile = platform(false);
  volatile.start(5);
  assert.equal(admitted(volatile.register, 5), 'made');
  volatile.end(5);
  volatile.start(8);
  assert.match(admitted(volatile.register, 8), /is not the one that domB made/);
  const { register, start, end } = platform();
  start(5);
  assert.equal(admitted(register, 5), 'made');
  start(8);
  assert.match(admitted(register, 8), /is not the one that domB made/);
  end(5);
  assert.equal(admitted(register, 8), 'anew');
  start(9);
  assert.match(admitted(register, 9), /is not the one that domB made/, 'two at once');
});

test('another label, as dom0 has to give where it cannot give the own one, gets nothing', () => {
  const { register, start, end } = platform();
  start(5);
  assert.equal(admitted(register, 5), 'made');
  end(5);
  for (const domid of [5, 8]) {
    start(domid, 'of ledger', LABEL + 1);
    assert.match(admitted(register, domid), /is not the one that domB made/);
  }
});

test('before domB made it is seen, nobody is the guest again', () => {
  const { register, start } = platform();
  start(8);
  register.look();
  assert.match(admitted(register, 8), /is not the one that domB made/);
});
