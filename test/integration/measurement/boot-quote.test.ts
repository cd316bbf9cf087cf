import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  certify,
  createPrimary,
  decodePublic,
  flushContext,
  loadExternal,
  objectName,
  type PublicArea,
  pcrExtend,
  policyPcr,
  policySession,
  quote,
  shutdown,
  startPolicySession,
  startup,
  swtpmControl,
  TPM_RH,
  type Tpm,
  TpmError,
  withPolicySession,
} from 'node-tpm2-pts';
import { parseEventLog } from '../../../measurement/event-log/parse.ts';
import {
  type BootQuote,
  bootKeyTemplate,
  takeBootQuote,
} from '../../../measurement/evidence/boot-key.ts';
import { bootQuoteProblems } from '../../../measurement/evidence/boot-quote.ts';
import {
  bootNonce,
  collectEvidence,
  type Evidence,
  FIRMWARE_PCRS,
  readEvidence,
  writeEvidence,
} from '../../../measurement/evidence/evidence.ts';
import { readMeasurementLog } from '../../../measurement/evidence/read-log.ts';
import { withAttestationKey } from '../../../measurement/keys/attestation-key.ts';
import { BOOT_LOG_FILE_NAME, MeasurementLog } from '../../../measurement/measurement-log.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { beforeCaps, bootQuoteOf } from '../../lib/boot-quote.ts';
import { file } from '../../lib/domb.ts';
import { ITEMS, NONCE } from '../../lib/evidence.ts';
import { SoftwareAk } from '../../lib/software-ak.ts';
import { type Swtpm, startSwtpm } from '../../lib/swtpm.ts';

/** One boot as domB makes it, over a real TPM, and then what dom0 may try with the same TPM. */

const PCRS = [13, 12];
const QUOTED = [...FIRMWARE_PCRS, ...PCRS];

let swtpm: Swtpm;
let tpm: Tpm;
let directory: string;
let logs: { log: Buffer; bootLog: Buffer };
let evidence: Evidence;
let bootQuote: BootQuote;
/** A policy session that was satisfied before the caps, and was kept. */
let kept: number;

const banks = ['sha1', 'sha256', 'sha384', 'sha512'] as const;
const selections = banks.map((bank) => ({ bank, pcrs: QUOTED }));
const demanded = [{ bank: 'sha256', pcrs: QUOTED }] as const;

before(async () => {
  swtpm = await startSwtpm();
  tpm = await swtpm.connect();
  directory = await mkdtemp(join(tmpdir(), 'domb-boot-quote-'));
  const main = await MeasurementLog.open({ tpm, pcr: 13, directory });
  const boot = await MeasurementLog.open({ tpm, pcr: 12, directory, name: BOOT_LOG_FILE_NAME });
  for (const item of ITEMS) await main.measure(item);
  const name = await withAttestationKey(tpm, {}, async (ak) => objectName(ak.publicArea));
  await boot.measure({ event: 'attestation-key', name: name.toString('hex') });
  const open = { log: main.bytes(), bootLog: boot.bytes() };
  const taken = await takeBootQuote(tpm, { pcrs: QUOTED, banks, nonce: bootNonce(open) });
  bootQuote = taken as BootQuote;
  kept = await startPolicySession(tpm);
  await policyPcr(tpm, kept, demanded);
  for (const log of [main, boot]) await log.cap();
  logs = { log: main.bytes(), bootLog: boot.bytes() };
  evidence = await collect(bootNonce(logs));
  for (const log of [main, boot]) await log.close();
});

after(async () => {
  await tpm?.close();
  await swtpm?.stop();
  await rm(directory, { recursive: true, force: true });
});

const collect = (nonce: Buffer, quoted = bootQuote) =>
  collectEvidence(tpm, { ...logs, pcrs: PCRS, banks, nonce, bootQuote: quoted });

function problems(of: Evidence, other: Partial<BootQuote> = {}): string {
  const log = readMeasurementLog(of.log);
  const bootLog = of.bootLog && readMeasurementLog(of.bootLog);
  const judged = { ...(of.bootQuote as BootQuote), ...other };
  return bootQuoteProblems({ evidence: of, bootQuote: judged, log, bootLog }).join('\n');
}

const refused = (promise: Promise<unknown>, name: string) =>
  assert.rejects(promise, (error) => error instanceof TpmError && error.response.name === name);

/** The boot key once more: its template gives the same key until the TPM is reset. */
async function withBootKey<T>(use: (handle: number) => Promise<T>): Promise<T> {
  const template = bootKeyTemplate(beforeCaps(evidence).pcrs);
  const key = await createPrimary(tpm, TPM_RH.NULL, template as PublicArea);
  try {
    assert.deepEqual(key.publicArea, bootQuote.key);
    return await use(key.handle);
  } finally {
    await flushContext(tpm, key.handle);
  }
}

test("domB's own verifies, of the boot and with a fresh quote, after a round through files", async () => {
  assert.equal(problems(evidence), '');
  const fresh = join(directory, 'fresh');
  await writeEvidence(fresh, await collect(NONCE));
  assert.equal(problems(await readEvidence(fresh)), '');
  await rm(join(fresh, 'boot-key.attest'));
  await assert.rejects(readEvidence(fresh), /of the boot quote, boot-key.attest is missing/);
});

test('by hand, literally as in docs/verifying.md', async () => {
  const at = join(directory, 'by-hand');
  await writeEvidence(at, await collect(Buffer.alloc(32, 9)));
  const page = await readFile(file('docs/verifying.md'), 'utf8');
  const step = page.slice(page.indexOf('8. The boot quote'), page.indexOf('## Enrolling'));
  const commands = [...step.matchAll(/^ {7}(.*)$/gm)].map(([, line = '']) => line);
  const shell = (script: string) => runProgram('bash', ['-ec', script], { cwd: at });
  const run = async (wanted: RegExp) => {
    const chosen = commands.filter((command) => wanted.test(command));
    assert.ok(chosen.length > 0, `${wanted}`);
    return Promise.all(chosen.map(shell));
  };
  await run(/^head /);
  await run(/^cat /);
  assert.deepEqual(
    await readFile(join(at, 'before'), 'utf8'),
    `${beforeCaps(evidence).nonce.toString('hex')}\n`,
  );
  assert.equal((await run(/^tpm2_checkquote /)).length, 2);
  const [[certified], names] = [await run(/^tail /), await run(/^echo /)];
  assert.equal(certified, names.join(''));
  assert.match(
    await shell('tpm2_print -t TPM2B_PUBLIC boot-key.pub'),
    /value: fixedtpm\|fixedparent\|sensitivedataorigin\|noda\|restricted\|sign\n/,
  );

  const replayed = async (log: string, pcr: number) =>
    new RegExp(`sha256:\n +${pcr} : 0x([0-9a-f]{64})`).exec(
      await shell(`tpm2_eventlog ${log}`),
    )?.[1];
  const values = [
    ...FIRMWARE_PCRS.map((pcr) => evidence.pcrs.get('sha256')?.get(pcr)?.toString('hex')),
    await replayed('before-boot.log', 12),
    await replayed('before.log', 13),
  ];
  const policy = commands.filter((command) => /^(digest=|printf)/.test(command)).join('\n');
  const computed = await shell(policy.replace('VALUES_IN_HEX', values.join('')));
  const { authPolicy } = decodePublic(bootQuote.key);
  assert.equal(computed, `${authPolicy.toString('hex')}  -\n`);

  const [counts = ''] = await run(/^xxd /);
  assert.equal(counts, '0000000100000000\n');
  assert.match(
    await shell('tpm2_print -t TPMS_ATTEST quote.attest'),
    /resetCount: 1\n +restartCount: 0/,
  );
});

test('dom0 makes a boot key of its own, for the values of now', async () => {
  for (const nonce of [bootNonce(logs), beforeCaps(evidence).nonce]) {
    const own = await takeBootQuote(tpm, { pcrs: QUOTED, banks, nonce });
    assert.match(
      problems(evidence, own),
      /not bound to the registers as they were before the caps/,
    );
  }
});

test('dom0 makes the boot key again: the TPM does not let it sign', async () => {
  const nonce = beforeCaps(evidence).nonce;
  await withBootKey(async (key) => {
    await refused(quote(tpm, key, nonce, selections), 'TPM_RC_AUTH_UNAVAILABLE');
    await withPolicySession(tpm, async (session) => {
      await policyPcr(tpm, session, demanded);
      const authorization = policySession(session, { keep: true });
      await refused(quote(tpm, key, nonce, selections, authorization), 'TPM_RC_POLICY_FAIL');
    });
    const old = policySession(kept, { keep: true });
    await refused(quote(tpm, key, nonce, selections, old), 'TPM_RC_PCR_CHANGED');
    const trial = await startPolicySession(tpm, { type: 'trial' });
    await policyPcr(tpm, trial, demanded);
    const tried = policySession(trial, { keep: true });
    await refused(quote(tpm, key, nonce, selections, tried), 'TPM_RC_ATTRIBUTES');
    await flushContext(tpm, trial);
    // It may be certified again, which says nothing new.
    const certification = await withAttestationKey(tpm, {}, (ak) =>
      certify(tpm, key, ak.handle, nonce),
    );
    assert.equal(problems(evidence, { certification }), '');
  });
});

test('dom0 has the attestation key quote in the place of the boot key', async () => {
  const { nonce } = beforeCaps(evidence);
  const again = await collect(nonce);
  assert.match(problems(evidence, { quote: again.quote }), /signature does not match/);
  assert.match(problems(evidence, { key: again.ak }), /may be used otherwise than by its policy/);
});

test('dom0 has a key certified that is in no TPM', async () => {
  const software = new SoftwareAk();
  const forged = bootQuoteOf(evidence, software);
  const { handle } = await loadExternal(tpm, forged.key, TPM_RH.NULL);
  await withAttestationKey(tpm, {}, (ak) =>
    refused(certify(tpm, handle, ak.handle, beforeCaps(evidence).nonce), 'TPM_RC_AUTH_UNAVAILABLE'),
  );
  await flushContext(tpm, handle);
  // All is right but who certifies.
  assert.match(problems(evidence, forged), /certification refused: the signature does not match/);
  assert.equal(
    problems(
      { ...evidence, ak: software.publicArea, quote: software.quote(evidence.pcrs) },
      forged,
    ),
    '',
  );
});

test('a key in a hierarchy whose seed stays over resets is no boot key', async () => {
  const { pcrs, nonce } = beforeCaps(evidence);
  const template = bootKeyTemplate(pcrs) as PublicArea;
  const key = await createPrimary(tpm, TPM_RH.OWNER, template);
  const certification = await withAttestationKey(tpm, {}, (ak) =>
    certify(tpm, key.handle, ak.handle, nonce),
  );
  await flushContext(tpm, key.handle);
  const own = { key: key.publicArea, certification };
  assert.match(problems(evidence, own), /the object is in another place/);
});

test('another boot: after a resume, and after a reset, which makes other keys of the same template', async () => {
  const control = swtpmControl(swtpm.control);
  const { events } = parseEventLog(logs.log);
  const { events: bootEvents } = parseEventLog(logs.bootLog);
  /** Somebody brings the registers to where they were. */
  const replay = async () => {
    for (const { pcr, digests } of [...events, ...bootEvents]) {
      const values = [...digests.values()];
      await pcrExtend(tpm, pcr, new Map(banks.map((bank, at) => [bank, values[at] as Buffer])));
    }
  };
  await shutdown(tpm, 'state');
  await control.init();
  await startup(tpm);
  await replay();
  assert.match(
    problems(await collect(NONCE)),
    /resumed or restarted .* restart count 0 there, now 1$/,
  );

  await control.init();
  await startup(tpm);
  await replay();
  assert.match(
    problems(await collect(NONCE)),
    /of another boot: reset count 1 there, 2 in the quote$/,
  );
  const template = bootKeyTemplate(beforeCaps(evidence).pcrs);
  const key = await createPrimary(tpm, TPM_RH.NULL, template as PublicArea);
  assert.notDeepEqual(key.publicArea, bootQuote.key);
  await flushContext(tpm, key.handle);
});
