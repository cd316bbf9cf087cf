import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseRecordedGuests,
  type RecordedGuest,
  recordedGuestsText,
} from '../../../domains/vtpm-guests.ts';

const guest: RecordedGuest = {
  name: 'ledger',
  domid: 1,
  uuid: '5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b07',
  sid: 17,
  launch: [
    { event: 'domain', domain: 'ledger', domid: 1, type: 'pv', seclabel: 'l', capabilities: [] },
  ],
  persistent: true,
};

test('what domB writes is what the vTPM domain reads', () => {
  assert.deepEqual(parseRecordedGuests(recordedGuestsText([guest])), [guest]);
  assert.deepEqual(parseRecordedGuests(recordedGuestsText([])), []);
});

test('what domB cannot have written serves nobody', () => {
  const wrong: unknown[] = [
    null,
    [],
    { version: 2, guests: [guest] },
    { version: 3 },
    { version: 3, guests: [{ ...guest, sid: undefined }] },
    { version: 3, guests: [{ ...guest, domid: '1' }] },
    { version: 3, guests: [{ ...guest, uuid: 7 }] },
    { version: 3, guests: [{ ...guest, launch: undefined }] },
    { version: 3, guests: [{ ...guest, launch: [null] }] },
    { version: 3, guests: [{ ...guest, launch: [{ event: 'toString' }] }] },
    { version: 3, guests: [{ ...guest, persistent: 1 }] },
    { version: 3, guests: [null] },
  ];
  for (const value of wrong) assert.throws(() => parseRecordedGuests(JSON.stringify(value)));
  assert.throws(() => parseRecordedGuests(''));
});
