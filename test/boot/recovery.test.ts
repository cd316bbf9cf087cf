import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashAlgorithms } from 'node-tpm2-pts';
import { predictBoot } from '../../daemon/plan/prediction.ts';
import type { HandoverRecord } from '../../daemon/plan/record.ts';
import type { Verdict } from '../../measurement/evidence/verdict.ts';
import { bootVerdict, handedOverRecord } from '../../platform/demo/boot-evidence.ts';
import { finder } from '../../platform/demo/parts.ts';
import { questions } from '../../platform/demo/questions.ts';
import { buildBootImage } from '../../platform/images/domb.ts';
import { parseEventLogPcr, parsePcrRead, parseXlList } from '../../platform/judge/tool-output.ts';
import { type DomainDump, parseDomainDumps } from '../../platform/judge/xen-dump.ts';
import { type Answers, QuestionLine } from '../../platform/machine/answers.ts';
import { sentFiles } from '../../platform/machine/sent-files.ts';
import { pressXenKey } from '../../platform/machine/xen-keys.ts';
import { domb } from '../lib/domb.ts';
import { wrongIn } from '../lib/verdict.ts';
import { exampleManifest, outputDirectory, parts, temporaryFile, withMachine } from './support.ts';

/** Emulation is slow, and a loaded machine slower. */
const stage = 600_000;
const over = /halting machine|rebooting machine|Kernel panic/;

/** What the recovery domain is asked, in this order: a real dom0 makes guests. */
const asked = [
  'xl-list-verbose',
  'handover',
  'pcrs',
  'eventlog',
  'guest-create',
  'guest-console',
  'guest-destroy',
  'list-after',
] as const;

interface Recovery {
  consoleText: string;
  answers: Answers;
  record: HandoverRecord;
  verdict: Verdict;
  /** The PCR that the boot would have had, had it succeeded. */
  good: ReadonlyMap<string, Buffer>;
  /** What Xen says of domain 0. */
  dump: DomainDump;
}

/** Boots a manifest that must end in its recovery domain, which answers what dom0 would. */
async function recovered(name: string, manifestText: string): Promise<Recovery> {
  const built = await parts();
  const broken = await temporaryFile('no-kernel', Buffer.alloc(1 << 20, 'this is no kernel '));
  const findImage = finder(new Map([...built.images, ['no-kernel', broken]]));
  const manifestBytes = Buffer.from(manifestText);
  const policy = await readFile(built.policy);
  const image = await buildBootImage(manifestBytes, `${name}.yaml`, findImage, { policy });
  const { manifest, initramfs } = image;
  const { items, pcrs } = await predictBoot({
    ...{ manifest, manifestBytes, findImage, policy: built.policy, banks: hashAlgorithms },
  });
  const good = new Map([...pcrs].map(([bank, byPcr]) => [bank, byPcr.get(13) as Buffer]));
  return withMachine(name, { parts: built, initramfs }, async (machine) => {
    for (const sign of [
      /domb: .* arm rescue: a boot that fails can end in rescue/,
      /domb: .*FAILED: phase/,
      /domb: .* goes on to the recovery domain rescue/,
      /domb: .* domB halts now/,
      /Boot domain d32751 halted: d0 carries on/,
      /domb-receive: the boot failed, and this is the recovery domain:/,
      /dom0: takes questions/,
    ]) {
      await machine.console.waitFor(sign, stage, over);
    }
    const { ask, answers } = await QuestionLine.open(machine);
    for (const question of asked) await ask(question, questions[question]);
    await pressXenKey(machine, 'q');
    const consoleText = machine.console.lines.map((line) => line.text).join('\n');
    const files = sentFiles(answers.get('handover'));
    const evidence = join(outputDirectory(name), 'evidence');
    const verdict = await bootVerdict(evidence, files, manifest, items);
    const dump = parseDomainDumps(consoleText).get(0) ?? assert.fail('Xen has no domain 0');
    return { consoleText, answers, record: handedOverRecord(files), verdict, good, dump };
  });
}

/** What holds for every recovery, whatever failed. */
function assertRecovery({ consoleText, answers, record, verdict, good, dump }: Recovery): void {
  assert.doesNotMatch(consoleText, /avc:\s+denied/);
  const text = (name: (typeof asked)[number]) => answers.output(name);
  assert.deepEqual(
    parseXlList(text('list-after')).map(({ domid, seclabel }) => [domid, seclabel]),
    [[0, 'system_u:system_r:dom0_t']],
    'nothing but the recovery domain is left, domB is gone',
  );
  assert.equal(dump.maxPages, 640 * 256 + 256);
  assert.deepEqual(
    record.domains.map((domain) => domain.name),
    ['rescue'],
  );
  assert.match(text('xl-list-verbose'), new RegExp(record.domains[0]?.uuid ?? 'none'));
  assert.match(text('guest-console'), /guest _demo: alive/, 'it is a real dom0');

  // The PCR is that of the log, which ends in error and cap, and none that anything good is sealed to.
  const held = parsePcrRead(text('pcrs'), 13);
  assert.deepEqual(parseEventLogPcr(text('eventlog'), 13), held);
  assert.ok(held.size > 0);
  for (const [bank, value] of held) assert.notEqual(good.get(bank)?.toString('hex'), value);
  assert.equal(verdict.outcome, 'refused');
  assert.equal(verdict.events?.at(-1)?.event, 'error');
  assert.deepEqual(
    verdict.events?.flatMap((event) => ('role' in event ? [[event.domain, event.role]] : [])),
    [['rescue', 'recovery']],
  );
}

test('a guest with another image than the pinned one: the recovery domain becomes domain 0', async () => {
  const name = 'recovery-digest';
  const manifest = (await exampleManifest('recovery')).replace(
    'ramdisk: vtpm.cpio.zst\n',
    `ramdisk: vtpm.cpio.zst\n    digests: { ramdisk: "sha256:${'0'.repeat(64)}" }\n`,
  );
  const recovery = await recovered(name, manifest);
  assertRecovery(recovery);
  const { consoleText, record, verdict } = recovery;
  assert.match(consoleText, /domb: .* create rescue: domain 0,/);
  assert.match(
    consoleText,
    /domb-receive: +phase "measure", step "measure vtpm ramdisk" failed: .*digest mismatch/,
  );
  assert.match(consoleText, /domb-receive: +what to do: put the right image/);
  assert.equal(record.failure?.step, 'measure vtpm ramdisk');
  assert.equal(record.failure?.domain, 'vtpm');
  assert.match(wrongIn(verdict).join('\n'), /the boot failed: phase "measure".*digest mismatch/);

  // What an operator is told who verifies that.
  const { status, out } = await domb(['verify', join(outputDirectory(name), 'evidence'), '--boot']);
  assert.equal(status, 3);
  assert.match(out, /the boot failed: phase "measure", step "measure vtpm ramdisk" failed/);
});

test('a guest that cannot be built after domain 0 exists: recovery is built into it', async () => {
  // What dom0 was created with must not show in the recovery domain.
  const manifest = (await exampleManifest('recovery'))
    .replace('domid: 30\n', 'domid: 30\n    kernel: no-kernel\n')
    .replace('on_failure: reboot', 'on_failure: recovery')
    .replace('memory: 1GiB\n', 'memory: 1GiB\n    cpus: 1\n');
  const recovery = await recovered('recovery-build', manifest);
  assertRecovery(recovery);
  const { consoleText, record, dump } = recovery;
  assert.match(consoleText, /phase "create" done[\s\S]*step "build bench" failed/);
  assert.match(consoleText, /domb: .* destroy vtpm: domain 32736 is gone/);
  assert.match(consoleText, /domb: .* reuse rescue: domain 0 is rescue/);
  assert.deepEqual(dump.affinities, ['0-1']);
  assert.equal(record.failure?.domain, 'bench');
});
