import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordedGuest } from '../../../domains/vtpm-guests.ts';
import { guestLife } from '../../../vtpm/backend/guest-life.ts';
import { GuestRegister } from '../../../vtpm/backend/register.ts';

const control: RecordedGuest = {
  ...{ name: 'dom0', domid: 0, uuid: '5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b07' },
  ...{ sid: 3, launch: [], persistent: false },
};
const other = { uuid: '6fae7e2c-5a1c-4b43-9d7b-3a50a8b6c0f1', sid: 4, dying: false };

/** As the policy has it: Xen tells of guests only. */
const askXen = (domid: number) => (domid === 5 ? other : undefined);

test('domain 0 has a TPM where domB recorded it as a guest, and lives', () => {
  const life = guestLife([control], askXen);
  const admitted = new GuestRegister([control], life).admit(0);
  assert.ok(typeof admitted !== 'string');
  assert.equal(admitted.recorded, control);
  assert.equal(admitted.lifetime.hasEnded(), false);
});

test('a domain 0 that names itself in xenstore gets none', () => {
  const guests = [{ ...control, domid: 1, name: 'ledger' }];
  const register = new GuestRegister(guests, guestLife(guests, askXen));
  assert.equal(register.admit(0), 'there is no domain 0');
});

test('others are asked about as ever', () => {
  assert.equal(guestLife([control], askXen)(5), other);
  assert.equal(guestLife([control], askXen)(6), undefined);
});
