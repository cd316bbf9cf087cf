/**
 * Coverage-guided fuzzing of everything that parses bytes of a TPM, a log, evidence, or what a manifest comes with:
 * `node test/fuzz/parsers.ts [minutes] [seed]`. Inputs that reach new code become seeds. Ends with 1 at the first input that
 * ends in anything but a result or the parser's own error, or that takes too long; the input is kept in a file.
 */
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  decodePublic,
  decodeQuote,
  decodeSignature,
  encodePublic,
  publicKey,
  readTpm2ToolsPcrFile,
  Tpm2Error,
  tpm2ToolsPcrFile,
} from 'node-tpm2-pts';
import { inspectKernel } from '../../boot-configs/images/kernel.ts';
import { allowedOf } from '../../boot-configs/policy/allowed.ts';
import { contextFault } from '../../boot-configs/policy/contexts.ts';
import { denialsIn } from '../../boot-configs/policy/explain/denials.ts';
import { domainFlows } from '../../boot-configs/policy/explain/domain-flows.ts';
import { explanationOf } from '../../boot-configs/policy/explain/explanation.ts';
import { pictureOf } from '../../boot-configs/policy/explain/picture.ts';
import { proposalFor } from '../../boot-configs/policy/explain/proposals.ts';
import { readFlaskPolicy } from '../../boot-configs/policy/policy.ts';
import { PolicyFormatError } from '../../boot-configs/policy/policy-reader.ts';
import { labelsOf } from '../../boot-configs/policy/resources.ts';
import { SignatureError, verifyDetachedSignature } from '../../boot-configs/signature.ts';
import { safeLines } from '../../cli/policy/lines.ts';
import { proposalsText } from '../../cli/policy/proposals-text.ts';
import { MeasurementError } from '../../measurement/errors.ts';
import { readAnyLog } from '../../measurement/event-log/any-log.ts';
import { EventLogError, type LogEvent } from '../../measurement/event-log/format.ts';
import { parseEventLog, parseTagged } from '../../measurement/event-log/parse.ts';
import { encodeTagged } from '../../measurement/event-log/write.ts';
import { firmwareDifferences } from '../../measurement/evidence/firmware-differences.ts';
import { firmwareEvents } from '../../measurement/evidence/firmware-events.ts';
import { compareFirmwareLog } from '../../measurement/evidence/firmware-log.ts';
import {
  firmwareReferenceFile,
  learnFirmware,
  readFirmwareReference,
} from '../../measurement/evidence/firmware-reference.ts';
import { readMeasurementLog } from '../../measurement/evidence/read-log.ts';
import { readReference, referenceFile } from '../../measurement/evidence/reference.ts';
import { EFI_GLOBAL_VARIABLE } from '../../measurement/firmware/efi-guids.ts';
import { signatureEntries } from '../../measurement/firmware/signature-lists.ts';
import { readVariableStore } from '../../measurement/firmware/variable-store.ts';
import { eventLines, logJson } from '../../measurement/formats/event-listing.ts';
import { listing } from '../../measurement/formats/listing.ts';
import { predict } from '../../measurement/predict.ts';
import { buildPolicy } from '../../platform/policy/build.ts';
import { eventsOf, evidenceOf, GUEST_ITEMS, ITEMS, logOf } from '../lib/evidence.ts';
import { foreignFirmware } from '../lib/firmware-logs.ts';
import { signatureList, variableStore } from '../lib/secure-boot.ts';
import { elf, pvhNote, pvNotes } from '../unit/boot-configs/elf-builder.ts';
import { mutate } from './bytes.ts';
import { Coverage } from './coverage.ts';
import { withData } from './evidence-mutations.ts';
import { Random } from './random.ts';

const MAXIMUM_MILLISECONDS = 1000;
/** Asking for coverage costs more than parsing: inputs are judged in batches. */
const BATCH = 25;

/** How a parser may refuse. */
const EXPECTED = [Tpm2Error, EventLogError, MeasurementError, PolicyFormatError, SignatureError];

interface Target {
  readonly name: string;
  readonly seeds: Buffer[];
  run(bytes: Buffer): void;
  /** Instead of the plain one. */
  mutate?: typeof mutate;
}

const CONSOLE = `Xen 4.17
(XEN) avc:  denied  { map_read map_write } for source=d0 target=d5 scontext=system_u:system_r:dom0_t tcontext=system_u:system_r:vtpm_t tclass=mmu
(d5) avc:  denied  { pause } for current=d5 scontext=system_u:system_r:domU_t tcontext=system_u:system_r:dom0_t tclass=domain
(XEN) avc:  denied  { 0x80 } for irq=5 scontext=system_u:system_r:driver_t tcontext=system_u:object_r:irq_t tclass=resource
`;
const ours = readFlaskPolicy(readFileSync(await buildPolicy()));

const TRUE_EVENTS = eventsOf(ITEMS);

/** Changes one description of a true log and makes its digests fit, to get behind the check of digests. */
function mutateDescription(log: Buffer, other: Buffer, random: Random): Buffer {
  if (random.below(4) === 0) return mutate(log, other, random);
  const at = random.below(ITEMS.length);
  const event = TRUE_EVENTS[at] as LogEvent;
  const another = TRUE_EVENTS[random.below(ITEMS.length)] as LogEvent;
  const { tag, content } = parseTagged(event.data);
  const data = encodeTagged(tag, mutate(content, another.data.subarray(8), random));
  return logOf(TRUE_EVENTS.with(at, withData(event, data)));
}

const evidence = evidenceOf();
/** In two registers. */
const EVERYTHING = [...ITEMS, ...GUEST_ITEMS];
const manifest = Buffer.from('version: 2\n');
const keys = ['ed25519' as const, 'ec' as const].map((type) =>
  type === 'ec' ? generateKeyPairSync(type, { namedCurve: 'P-256' }) : generateKeyPairSync(type),
);
const machine = foreignFirmware('cos-101');
const learned = learnFirmware(machine.events, [0, 4, 7]);
const allOf = (events: readonly LogEvent[]) => firmwareEvents(events, new Set([0, 4, 7]));
const list = signatureList('x509', Buffer.alloc(99, 1));
const TARGETS: Target[] = [
  {
    name: 'event log',
    seeds: [
      logOf(eventsOf(ITEMS)),
      logOf(eventsOf(ITEMS.slice(0, 1)), ['sha1', 'sha256', 'sha384']),
    ],
    run: (bytes) => {
      const log = readAnyLog(bytes);
      for (const _ of eventLines(log));
      logJson(log);
      parseEventLog(bytes);
    },
  },
  {
    name: 'measurement log',
    seeds: [
      logOf(eventsOf(ITEMS)),
      logOf(eventsOf(EVERYTHING)),
      logOf(eventsOf(ITEMS.slice(0, 2), { capped: false })),
    ],
    run: (bytes) => void listing(readMeasurementLog(bytes)),
    mutate: mutateDescription,
  },
  { name: 'quote', seeds: [evidence.quote.attest], run: (bytes) => void decodeQuote(bytes) },
  {
    name: 'signature',
    seeds: [evidence.quote.signature],
    run: (bytes) => void decodeSignature(bytes),
  },
  {
    name: 'public area',
    seeds: [evidence.ak],
    run: (bytes) => {
      const area = decodePublic(bytes);
      if (!encodePublic(area).equals(bytes)) throw new Error('decodes to something else');
      publicKey(area);
    },
  },
  {
    name: 'PCR file',
    seeds: [tpm2ToolsPcrFile(evidence.pcrs)],
    run: (bytes) => void readTpm2ToolsPcrFile(bytes),
  },
  {
    name: 'kernel',
    seeds: [elf({ notes: pvNotes }), elf({ notes: [...pvNotes, pvhNote], span: 1 << 20 })],
    run: (bytes) => {
      const source = {
        size: bytes.length,
        read: (offset: number, length: number) => bytes.subarray(offset, offset + length),
      };
      inspectKernel(source, 'pv');
      inspectKernel(source, 'pvh');
    },
  },
  {
    name: 'policy',
    seeds: [readFileSync(await buildPolicy())],
    run: (bytes) => {
      const policy = readFlaskPolicy(bytes);
      contextFault(policy, 'system_u:system_r:dom0_t');
      const types = [...policy.types.keys()].slice(0, 20);
      for (const name of policy.classes.keys()) {
        for (const target of types) allowedOf(policy, types[0] ?? '', target, name);
      }
      labelsOf(policy, 'iomem', 0, 2 ** 40);
    },
  },
  {
    name: 'explained policy',
    seeds: [readFileSync(await buildPolicy())],
    run: (bytes) => {
      const policy = readFlaskPolicy(bytes);
      const explanation = explanationOf(policy, []);
      pictureOf(explanation);
      domainFlows(policy, explanation.parties, explanation.things, 1);
    },
  },
  {
    name: 'console',
    seeds: [Buffer.from(CONSOLE)],
    run: (bytes) => {
      const denials = denialsIn(bytes.toString('latin1'));
      const proposals = denials.found.map((denial) => proposalFor(ours, denial, []));
      const text = safeLines(proposalsText(denials, proposals, true));
      if (/[^\n\x20-\x7e]/.test(text)) throw new Error('what a console holds comes through');
    },
  },
  {
    name: 'manifest signature',
    seeds: keys.map(({ privateKey }) => sign(null, manifest, privateKey)),
    run: (bytes) => {
      for (const { publicKey } of keys) {
        verifyDetachedSignature(manifest, bytes, publicKey.export({ type: 'spki', format: 'pem' }));
      }
    },
  },
  {
    name: 'public key',
    seeds: keys.map(({ publicKey }) =>
      Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })),
    ),
    run: (bytes) => verifyDetachedSignature(manifest, Buffer.alloc(64), bytes),
  },
  {
    name: 'reference',
    seeds: [
      Buffer.from(referenceFile({ pcr: 13, bootPcr: 12, items: EVERYTHING, pcrs: evidence.pcrs })),
    ],
    run: (bytes) => {
      const { items, ...target } = readReference(bytes);
      predict(items, { ...target, banks: ['sha256'] });
    },
  },
  {
    name: 'firmware log',
    seeds: [machine.log, foreignFirmware('rhel8').log],
    run: (bytes) => {
      const { problems, events } = compareFirmwareLog(bytes, machine.pcrs);
      if (problems.length === 0) firmwareDifferences(7, learned.events, allOf(events));
    },
  },
  {
    name: 'firmware reference',
    seeds: [Buffer.from(firmwareReferenceFile(learned))],
    run: (bytes) => void readFirmwareReference(bytes),
  },
  {
    name: 'firmware variables',
    seeds: [variableStore([{ owner: EFI_GLOBAL_VARIABLE, name: 'PK', data: list }])],
    run: (bytes) => void readVariableStore(bytes),
  },
  {
    name: 'signature lists',
    seeds: [list, Buffer.concat([list, signatureList('sha256', Buffer.alloc(32))])],
    run: (bytes) => void signatureEntries(bytes, 'db'),
  },
];

const minutes = Number(process.argv[2] ?? 10);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 32);
const random = new Random(seed);
const coverage = new Coverage('/measurement/', '/boot-configs/');
const until = performance.now() + minutes * 60_000;
let inputs = 0;
let accepted = 0;

console.log(`fuzzing ${TARGETS.length} parsers for ${minutes} min, seed ${seed}`);
while (performance.now() < until) {
  for (const target of TARGETS) {
    const batch = Array.from({ length: BATCH }, () =>
      (target.mutate ?? mutate)(random.pick(target.seeds), random.pick(target.seeds), random),
    );
    for (const bytes of batch) attempt(target, bytes);
    if (!coverage.grew()) continue;
    // Which one it was no longer shows; all of them are worth another look.
    target.seeds.push(...batch);
  }
}
const seeds = TARGETS.map(({ name, seeds }) => `${name} ${seeds.length}`).join(', ');
console.log(
  `${inputs} inputs, ${accepted} accepted, ${coverage.size} blocks reached; seeds: ${seeds}`,
);

function attempt(target: Target, bytes: Buffer): void {
  const start = process.threadCpuUsage();
  inputs++;
  try {
    target.run(bytes);
    accepted++;
  } catch (error) {
    if (!EXPECTED.some((kind) => error instanceof kind)) fail(target, bytes, error);
  }
  // The processor's time, not the clock's: others may want the machine too.
  const { user, system } = process.threadCpuUsage(start);
  const time = (user + system) / 1000;
  if (time > MAXIMUM_MILLISECONDS) fail(target, bytes, new Error(`took ${time.toFixed(0)} ms`));
}

function fail(target: Target, bytes: Buffer, cause: unknown): never {
  const file = join(tmpdir(), `fuzz-${target.name.replace(' ', '-')}.bin`);
  writeFileSync(file, bytes);
  throw new Error(`${target.name}: fails on ${file}`, { cause });
}
