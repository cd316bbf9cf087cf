import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TpmReserve } from '../../../vtpm/backend/reserve.ts';
import type { SoftwareTpm } from '../../../vtpm/backend/software-tpm.ts';

class FakeTpm implements SoftwareTpm {
  uid = undefined;
  stopped = false;
  transmit = () => assert.fail('nobody asks it');
  release = () => assert.fail('nobody serves it');
  async stop() {
    this.stopped = true;
  }
}

/** A reserve with one TPM, and what ends that. */
function reserved() {
  const reserve = new TpmReserve();
  const tpm = new FakeTpm();
  let end = (_how: string) => {};
  reserve.add('ledger', async (died) => {
    end = died;
    return tpm;
  });
  return { reserve, tpm, end: (how: string) => end(how) };
}

test('a TPM is given once, to its guest alone, who learns of its end', async () => {
  const { reserve, tpm, end } = reserved();
  const told: string[] = [];
  const listen = (how: string) => told.push(how);
  assert.equal(await reserve.take('signer', listen), undefined);
  assert.equal(await reserve.take('ledger', listen), tpm);
  assert.equal(await reserve.take('ledger', listen), undefined);
  end('swtpm ended');
  assert.deepEqual(told, ['swtpm ended']);
  assert.ok(!tpm.stopped);
});

test('one that has ended before somebody asked is given to nobody', async () => {
  const { reserve, tpm, end } = reserved();
  end('swtpm ended');
  assert.equal(await reserve.take('ledger', assert.fail), undefined);
  assert.ok(tpm.stopped);
});

test('one that did not start is not there, and nothing else fails for it', async () => {
  const reserve = new TpmReserve();
  reserve.add('ledger', () => Promise.reject(new Error('no memory')));
  assert.equal(await reserve.take('ledger', assert.fail), undefined);
});
