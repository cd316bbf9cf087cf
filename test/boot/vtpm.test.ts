import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { predictGuest } from '../../daemon/plan/prediction.ts';
import { parseEventLog } from '../../measurement/event-log/parse.ts';
import { guestConfiguration } from '../../platform/demo/questions.ts';
import { askTpm } from '../../platform/demo/tpm-question.ts';
import { runProgram } from '../../platform/lib/run.ts';
import { sendFiles, sentFiles } from '../../platform/machine/sent-files.ts';
import { domb } from '../lib/domb.ts';
import { hostileDom0Segment, hostileSegment } from './hostile-segment.ts';
import { stalledSegment } from './stalled-backend.ts';
import {
  boot,
  exampleManifest,
  failedChecks,
  onSecondProcessor,
  parts,
  temporaryFile,
} from './support.ts';
import { attacks, underAttack, word } from './vtpm/attacks.ts';
import {
  deviceOf,
  guests,
  mallory,
  servedOf,
  untilNotServed,
  VTPM_DOMID,
  vault,
} from './vtpm/guests.ts';
import { falseBackend, impostor } from './vtpm/hostile-dom0.ts';
import { NONCE, ownTpm, prove, shown } from './vtpm/proving.ts';
import { extendedBy, launchOf, saidThrice, sha256, zeros } from './vtpm/said.ts';
import { disturbed, extend, used } from './vtpm/using.ts';

/** Shell commands for dom0, by name. */
const questions = {
  ...Object.fromEntries(guests.map((name) => [name, used(name)])),
  ...Object.fromEntries(
    guests.map((name, index) => [`${name}-held-up`, disturbed(name, index + 1, 'slowly', 2)]),
  ),
  ...Object.fromEntries(
    Object.entries(shown).map(([name, domid]) => [`${name}-proves`, prove(name, domid)]),
  ),
  'platform-quotes': askTpm(`domb quote --nonce ${NONCE} --output /run/evidence`),
  'platform-evidence': sendFiles('/run/evidence'),
  'dom0-tpm': ownTpm,
  'dom0-evidence': sendFiles('/run/own'),
  'platform-authority': 'cat /run/domb/vtpm-authority.pem',
  'ledger-given-up': disturbed('ledger', 1, 'too-late', 15),
  'ledger-afterwards': disturbed('ledger', 1, 'again', 0),
  nodes: `xenstore-ls -fp | grep vtpm
xenstore-read /local/domain/${VTPM_DOMID}/console/tty >/run/vtpm-tty`,
  calm: underAttack(''),
  ...Object.fromEntries(Object.keys(attacks).map((attack) => [word(attack), underAttack(attack)])),
  // Destroyed in the middle of a command that takes long.
  leave: `
log=/var/log/xen/console/guest-mallory.log
echo leave >$(xenstore-read /local/domain/4/console/tty)
until grep -q 'guest mallory: leaves' $log || [ $((tries += 1)) -gt 240 ]; do sleep 0.5; done
xl destroy mallory 2>&1
${untilNotServed('4/')}
xl list; xenstore-ls -f | grep /backend/vtpm/4; echo gone`,
  // Without a front end of its own, the guest finds a back end that waits for it.
  later: `cat >/run/later.cfg <<CONFIG
${guestConfiguration('later')}
vtpm = ["backend=vtpm"]
CONFIG
xl create /run/later.cfg 2>&1
xl vtpm-list later 2>&1
domid=$(xl domid later)
xl destroy later 2>&1
${untilNotServed('$domid/')}
xenstore-ls -f | grep /backend/vtpm/`,
  look: `hostile look 2 $(xenstore-read ${deviceOf(2)}/ring-ref)`,
  'false-backend': falseBackend('signer', 2),
  // The guest's own entries, and those of all guests in the vTPM domain's directory.
  'entries-gone': `
hostile remove ${deviceOf(2)}
${extend('signer', 2, 'without-entries')}`,
  'impostor-ledger': impostor('ledger', 1),
  'impostor-vault': impostor('vault', 3),
  destroy: 'xl list; xenstore-ls -f | grep vtpm',
  // Xen refuses; libxl has removed all that xenstore had of it by then.
  'destroy-vtpm': `
xl destroy vtpm 2>&1
xl list
xenstore-ls -f | grep '/domain/${VTPM_DOMID}/'
echo gone
${extend('signer', 2, 'orphaned')}`,
  'back-end-fails': `
log=/var/log/xen/console/guest-signer.log
count() { grep -c "$1" $log; }
# More than so many times.
await() {
  tries=0
  until [ "$(count "$1")" -gt "$2" ] || [ $((tries += 1)) -gt 240 ]; do sleep 0.5; done
}
offered=$(count '/dev/tpm0 is the TPM')
domb introduce 2>&1
await '/dev/tpm0 is the TPM' $offered
echo "then state $(xenstore-read ${servedOf(2)}/state)"
closed=$(count 'closed the device')
echo fail >$(cat /run/vtpm-tty)
await 'closed the device' $closed
echo "at last state $(xenstore-read ${servedOf(2)}/state)"
tail -n 5 $log`,
};

test('boot-configs/vtpm.yaml: guests, pv, pvh and hvm, have a TPM 2.0 each, served by the vTPM domain', async (t) => {
  const built = await parts();
  const images = new Map([
    ...built.images,
    ['hostile.cpio.zst', await hostileSegment()],
    ['hostile-dom0.cpio.zst', await hostileDom0Segment()],
    ['stalled.cpio.zst', await stalledSegment()],
  ]);
  const example = (await exampleManifest('vtpm'))
    .replace('domb-command.cpio.zst]\n', 'domb-command.cpio.zst, stalled.cpio.zst]\n')
    .replace(
      '[dom0.cpio.zst, domb-command.cpio.zst',
      '$&, guest-tpm.cpio.zst, hostile-dom0.cpio.zst',
    )
    .replace('    domid: 0\n', '$&    vtpm: vtpm\n')
    .replace('xenstore: true\n', 'xenstore: true\n    console: true\n');
  const text = example + vault + mallory;
  const run = await boot('vtpm', text, {
    parts: { ...built, images },
    async converse(ask) {
      for (const [name, script] of Object.entries(questions)) {
        await ask(name, script);
      }
    },
  });
  const said = (name: string): string => run.answers.output(name);

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
    await t.test(
      `${name}: its TPM begins with its launch, whose log replays, as predicted`,
      async () => {
        const { log, registers } = launchOf(said(name));
        const file = await temporaryFile(`${name}.log`, log);
        const replayed = [
          ...(await runProgram('tpm2_eventlog', [file])).matchAll(
            /^ {4}(\d+) *: 0x([0-9a-f]{64})$/gm,
          ),
        ].map(([, pcr, value]) => [Number(pcr), value]);
        const { manifest, record } = run;
        const { uuid } = record.domains.find((domain) => domain.name === name) ?? {};
        const { events, pcrs } = await predictGuest({
          ...{ manifest, guest: name, uuid, banks: ['sha256'] },
          findImage: (path) => images.get(path) ?? assert.fail(path),
        });
        assert.deepEqual(parseEventLog(log).events, events);
        const predicted = [...(pcrs.get('sha256') ?? [])].map(([pcr, value]) => [
          pcr,
          value.toString('hex'),
        ]);
        assert.equal(predicted.length, 10);
        assert.deepEqual(registers, predicted);
        assert.deepEqual(replayed, predicted);
      },
    );
  }

  await t.test('a guest is proven together with its platform, and is nobody else', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'vtpm-evidence-'));
    const at = (name: string) => join(directory, name);
    for (const name of ['images', 'platform', 'dom0', ...Object.keys(shown)]) await mkdir(at(name));
    for (const [image, target] of images) await symlink(target, at(`images/${image}`));
    await writeFile(at('manifest.yaml'), onSecondProcessor(text));
    for (const [name, bytes] of sentFiles(run.answers.get('platform-evidence'))) {
      await writeFile(at(`platform/${name}`), bytes);
    }
    for (const guest of Object.keys(shown)) {
      const answer = said(`${guest}-proves`);
      for (const name of ['ak.der', 'ak.pub', 'quote.attest', 'quote.signature', 'quote.pcrs']) {
        const bytes = Buffer.from(saidThrice(answer, `evidence ${name}`).join(''), 'hex');
        await writeFile(at(`${guest}/${name}`), bytes);
      }
      assert.match(answer, new RegExp(`guest ${guest}: openssl verify: ek.pem: OK`));
      assert.match(
        answer,
        new RegExp(`certified: subject=CN = ${guest} issuer=CN = domb vTPM auth`),
      );
      await writeFile(at('authority.pem'), said('platform-authority'));
      const ak = new X509Certificate(await readFile(at(`${guest}/ak.der`)));
      await writeFile(at('ak.pem'), ak.toString());
      const chain = ['verify', '-CAfile', 'authority.pem', 'ak.pem'];
      assert.match(await runProgram('openssl', chain, { cwd: directory }), /^ak\.pem: OK$/m);
    }
    for (const [name, bytes] of sentFiles(run.answers.get('dom0-evidence'))) {
      await writeFile(at(`dom0/${name}`), bytes);
    }
    // The TPM of the machine is the first one.
    assert.match(said('dom0-tpm'), /^\/dev\/tpm0 +\/dev\/tpm1 /m);
    assert.match(said('dom0-tpm'), /\/dev\/tpm1 is the TPM/);
    const expected = ['--manifest', at('manifest.yaml'), '--images', at('images')];
    const verdict = (evidence: string, name: string, ...options: string[]) =>
      domb([
        ...['verify', at('platform'), ...expected, '--policy', built.policy],
        ...['--nonce', NONCE, '--guest', at(evidence), '--guest-name', name, ...options],
      ]);
    const gaps = 'key,launch-chain,dma';
    for (const guest of [...Object.keys(shown), 'dom0']) {
      const { status, out } = await verdict(guest, guest, '--waive', gaps);
      assert.equal(status, 0, out);
      assert.match(out, /^ok {11}guest: PCR 8 and 9 are those of what domB built it from$/m);
      assert.match(out, /\nPROVEN, with what was waived: key, launch-chain, dma\n$/);
    }
    const open = await verdict('ledger', 'ledger');
    assert.match(open.out, /\nNOT PROVEN: [^\n]*: key, launch-chain, dma\n$/);
    const swapped = await verdict('signer', 'ledger', '--waive', gaps);
    assert.equal(swapped.status, 3);
    assert.match(swapped.out, /^WRONG {8}guest: the TPM is that of signer, not of ledger$/m);
    const alone = await domb([
      ...['verify', '--nonce', NONCE, '--guest', at('ledger'), '--guest-name', 'ledger'],
    ]);
    assert.equal(alone.status, 4);
    await rm(directory, { recursive: true });
  });

  for (const name of guests) {
    await t.test(`${name}: its command is done, once, though the back end stood still`, () => {
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

  /** By the guest's own clock, in hundredths of a second. */
  const longest = (name: string) =>
    Math.max(
      ...[...said(name).matchAll(/that took (\d+) hundredths/g)].map(([, time]) => Number(time)),
    );
  for (const [attack, outcome] of Object.entries(attacks)) {
    await t.test(
      `a guest's attack, "${attack}", comes to nothing, and the others' TPMs go on`,
      () => {
        assert.match(said(word(attack)), outcome);
        const [calm, attacked] = [longest('calm'), longest(word(attack))];
        // Two processors serve all domains here, and the attacker has one of them; a guest that is kept waiting for the whole of
        // an attack waits for eight seconds and more.
        const bound = 4 * calm + 700;
        assert.ok(calm > 0 && attacked > 0, 'no time is told');
        assert.ok(attacked < bound, `${attacked / 100} s, ${calm / 100} s without it`);
      },
    );
  }

  await t.test('a guest that writes without end is let alone, and loses nothing but that', () => {
    assert.match(
      run.consoleText,
      /vtpm: \/local\/domain\/4\/device\/vtpm\/0 changes too often: it is not looked at for 10 s/,
    );
  });

  await t.test('a guest that is destroyed in mid-command leaves nothing behind', () => {
    assert.doesNotMatch(said('leave'), /mallory|libxl: error|\/backend\/vtpm\/4/);
    assert.match(said('leave'), /^gone/m);
    assert.match(run.consoleText, /vtpm: forgets the TPM of domain 4/);
    // But for the end that it was told to have.
    const failures = [...run.consoleText.matchAll(/vtpm: FAILED: (.*)/g)].map(([, how]) => how);
    assert.match(failures[0] ?? 'Error: told to fail', /^Error: told to fail/);
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
    const [destroyed = ''] = said('impostor-ledger').split('cannot create a domain');
    assert.doesNotMatch(destroyed, /libxl: error/);
    assert.doesNotMatch(said('destroy'), /ledger|vault/);
    assert.doesNotMatch(said('destroy'), /\/libxl\/1\/|\/domain\/1\/|\/backend\/vtpm\/1\/0/);
    assert.match(run.consoleText, /vtpm: forgets the TPM of domain 1/);
  });

  /** That the last of two values of a register is the one before, extended with the digest of a text. */
  const goesOn = (answer: string, word: string) => {
    const [before = '', now] = [...answer.matchAll(/PCR 15 is ([0-9a-f]{64})/g)]
      .map(([, value]) => value)
      .slice(-2);
    const value = sha256(Buffer.from(before, 'hex'), sha256(word)).toString('hex');
    assert.equal(now, value, answer);
  };

  await t.test('dom0 sees nothing of what a protected guest shares with its TPM', () => {
    for (const attempt of ['maps the grant', 'maps memory', 'reads the processor']) {
      assert.match(said('look'), new RegExp(`^${attempt}: (?!done)`, 'm'));
    }
  });

  await t.test('dom0 that serves a TPM itself is refused by the guest, whose own goes on', () => {
    const answer = said('false-backend');
    assert.match(
      answer,
      /tpmfront: refuses domain 0, which xenstore names: domB gave this guest the TPM that domain 32736 serves/,
    );
    // It was never given a page.
    assert.match(answer, /^ring (\d+), then \1$/m);
    goesOn(answer, 'restored');
  });

  await t.test('dom0 that removes entries from xenstore takes no TPM from its guest', () => {
    goesOn(said('entries-gone'), 'without-entries');
  });

  for (const [name, domid, why] of [
    ['ledger', 1, ''],
    ['vault', 3, ', which has ended'],
  ] as const) {
    await t.test(`a domain with domid and UUID of ${name}, which dom0 ended, gets no TPM`, () => {
      const answer = said(`impostor-${name}`);
      assert.match(answer, /^cannot create a domain: /m);
      assert.match(answer, new RegExp(`^created domain ${domid}$`, 'm'));
      assert.match(answer, /the same is in state 1$/m);
      assert.match(
        run.consoleText,
        new RegExp(
          `domain ${domid} has the UUID of ${name} and is not the one that domB made${why}: no TPM`,
        ),
      );
      // One that is somebody else is served, with a TPM of its own.
      assert.match(answer, /another is in state 2$/m);
    });
  }

  await t.test('xl destroy takes the vTPM domain neither from Xen nor from its guests', () => {
    assert.match(said('destroy-vtpm'), /^\S+ +32736 /m);
    assert.match(said('destroy-vtpm'), /^gone/m);
    goesOn(said('destroy-vtpm'), 'orphaned');
    assert.doesNotMatch(run.consoleText, /vtpm: forgets the TPM of domain 2/);
  });

  await t.test('a back end that fails tells its guests, and ends', () => {
    // Its device was described anew, with a state that made the front end begin anew.
    assert.match(said('back-end-fails'), /^then state 4$/m);
    assert.match(said('back-end-fails'), /^at last state 6$/m);
    assert.match(said('back-end-fails'), /tpmfront: the vTPM domain closed the device/);
    assert.match(run.consoleText, /vtpm: FAILED: Error: told to fail/);
    // By SIGKILL, whatever its threads wait for.
    assert.match(run.consoleText, /vtpm: FAILED: the back end ended with status 137/);
  });

  await t.test('FLASK refused what dom0 must not do, and nothing else', () => {
    const denied = [...run.consoleText.matchAll(/avc:\s+denied.*/g)].map(
      ([line]) =>
        /\{ (\w+) \}.*scontext=\S+:(\w+) tcontext=\S+:(\w+)/.exec(line)?.slice(1).join(' ') ?? line,
    );
    assert.deepEqual([...new Set(denied)].sort(), [
      'create dom0_t guarded_t',
      'destroy dom0_t vtpm_t',
      'getvcpucontext dom0_t guarded_t',
      'map_read dom0_t guarded_t',
      'pause dom0_t vtpm_t',
    ]);
  });
});
