import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Answer } from '../../platform/machine/answers.ts';
import { boot, exampleManifest, failedChecks, parts } from './support.ts';

const guests = ['ledger', 'signer', 'vault'];

/** What the example leaves out: a guest of type hvm. */
const vault = `
  - name: vault
    domid: 3
    type: hvm
    cmdline: console=hvc0 loglevel=5 domb.name=vault
    xenstore: true
    console: true
    vtpm: vtpm
    after: [vtpm]
`;

/** Waits until a guest has used its TPM, as vtpm/frontend/use-tpm does, and shows its console. */
const used = (name: string) => `
log=/var/log/xen/console/guest-${name}.log
now() { cut -d. -f1 /proc/uptime; }
end=$(($(now) + 300))
until grep -q 'guest ${name}: \\(endorsement key\\|no TPM\\)' $log || [ "$(now)" -gt "$end" ]; do sleep 1; done
cat $log`;

/**
 * Has a guest extend its register while the vTPM domain stands still, for so many seconds, and shows what the guest said
 * then. Linux would wait for 750 ms.
 */
const disturbed = (name: string, domid: number, word: string, seconds: number) => `
log=/var/log/xen/console/guest-${name}.log
now() { cut -d. -f1 /proc/uptime; }
lines=$(wc -l <$log)
xl pause vtpm
echo ${word} >$(xenstore-read /local/domain/${domid}/console/tty)
sleep ${seconds}
xl unpause vtpm
end=$(($(now) + 100))
until tail -n +$((lines + 1)) $log | grep -q 'after ${word}' || [ "$(now)" -gt "$end" ]; do sleep 1; done
tail -n +$((lines + 1)) $log`;

/** Shell commands for dom0, by name. */
const questions = {
  ...Object.fromEntries(guests.map((name) => [name, used(name)])),
  ...Object.fromEntries(
    guests.map((name, index) => [`${name}-held-up`, disturbed(name, index + 1, 'slowly', 2)]),
  ),
  'ledger-given-up': disturbed('ledger', 1, 'too-late', 15),
  'ledger-afterwards': disturbed('ledger', 1, 'again', 0),
  nodes: 'xenstore-ls -fp | grep vtpm',
  // Without a front end of its own, the guest finds a back end that waits for it.
  later: `sed s/small/later/ /run/small.cfg >/run/later.cfg
echo 'vtpm = ["backend=vtpm"]' >>/run/later.cfg
xl create /run/later.cfg 2>&1
xl vtpm-list later 2>&1
xl destroy later 2>&1
sleep 3; xenstore-ls -f | grep /backend/vtpm/`,
  destroy: 'xl destroy ledger 2>&1; sleep 3; xl list; xenstore-ls -f | grep vtpm',
};

const zeros = '0'.repeat(64);
const sha256 = (...bytes: (string | Buffer)[]): Buffer =>
  bytes.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
/** What a register holds that was extended with the digests of these texts. */
const extendedBy = (...texts: string[]) =>
  texts.reduce(
    (value, text) => sha256(Buffer.from(value, 'hex'), sha256(text)).toString('hex'),
    zeros,
  );

test('boot-configs/vtpm.yaml: guests, pv, pvh and hvm, have a TPM 2.0 each, served by the vTPM domain', async (t) => {
  const answers = new Map<string, Answer>();
  const run = await boot('vtpm', (await exampleManifest('vtpm')) + vault, {
    parts: await parts(),
    async converse(ask) {
      for (const [name, script] of Object.entries(questions)) {
        answers.set(name, await ask(name, script, 400_000));
      }
    },
  });
  const said = (name: string): string =>
    answers.get(name)?.output ?? assert.fail(`dom0 did not answer ${name}`);

  await t.test('all come up', () => {
    assert.deepEqual(failedChecks(run), []);
  });

  await t.test('the vTPM domain serves all', () => {
    for (const domid of [1, 2, 3]) {
      assert.match(run.consoleText, new RegExp(`vtpm: serves a TPM 2.0 to domain ${domid}`));
    }
  });

  for (const name of guests) {
    await t.test(`${name}: Linux has a TPM 2.0 that is swtpm's, over the ring`, () => {
      assert.match(said(name), new RegExp(`guest ${name}: TPM 2, made by IBM`));
    });

    await t.test(`${name}: a register is extended, by this guest only`, () => {
      assert.match(said(name), new RegExp(`guest ${name}: PCR 15 was ${zeros}`));
      assert.match(said(name), new RegExp(`guest ${name}: PCR 15 is ${extendedBy(name)}`));
    });
  }

  for (const name of guests) {
    await t.test(`${name}: its command is done, once, though the vTPM domain stood still`, () => {
      const answer = said(`${name}-held-up`);
      assert.match(answer, new RegExp(`after slowly, PCR 15 is ${extendedBy(name, 'slowly')}`));
      assert.doesNotMatch(answer, /Timed out|is not extended/);
    });
  }

  await t.test('Linux gives a command up that takes longer, and its TPM goes on', () => {
    assert.match(said('ledger-given-up'), /tpm0: Operation Timed out/);
    assert.match(said('ledger-given-up'), /PCR 15 is not extended with too-late/);
    const value = extendedBy('ledger', 'slowly', 'again');
    assert.match(said('ledger-afterwards'), new RegExp(`after again, PCR 15 is ${value}`));
  });

  await t.test('each has keys of its own', () => {
    const keys = guests.map((name) => /endorsement key ([0-9a-f]{64})/.exec(said(name))?.[1]);
    assert.ok(keys.every((key) => key !== undefined));
    assert.equal(new Set(keys).size, guests.length);
  });

  await t.test('xl create attaches a further guest, xl destroy takes it away', () => {
    const { domid } = run.record.domains.find(({ name }) => name === 'vtpm') ?? {};
    // Idx BE Uuid handle state evt-ch ring-ref BE-path: XenbusStateInitialising, and no ring yet
    assert.match(
      said('later'),
      new RegExp(`^0 +${domid} +\\S{36} +0 +1 +-1 +-1 +/local/domain/${domid}/`, 'm'),
    );
    assert.doesNotMatch(said('later'), /libxl: error/);
    assert.match(run.consoleText, /vtpm: forgets the TPM of domain (?![1-3]\b)/);
  });

  await t.test('xl destroy takes the device and the TPM with the guest', () => {
    assert.doesNotMatch(said('destroy'), /ledger|libxl: error/);
    assert.doesNotMatch(said('destroy'), /\/libxl\/1\/|\/domain\/1\/|\/backend\/vtpm\/1\/0/);
    assert.match(run.consoleText, /vtpm: forgets the TPM of domain 1/);
  });

  await t.test('FLASK had nothing to refuse', () => {
    assert.doesNotMatch(run.consoleText, /avc:\s+denied/);
  });
});
