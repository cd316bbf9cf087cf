import type { DombCommand } from './command.ts';

/**
 * A part of a command's JSON: where, and what it means. `[]` is each element of a list, a word in capitals each key of an
 * object, `...` everything below.
 */
export type JsonPart = readonly [path: string, says: string];

const problem = (list: string): JsonPart[] => [
  [`${list}.file`, 'the manifest'],
  [`${list}.line`, 'counted from 1'],
  [`${list}.col`, 'counted from 1'],
  [`${list}.path`, 'the property, such as domains[1].domid; empty for the whole document'],
  [`${list}.rule`, 'which rule found it'],
  [`${list}.message`, 'what is wrong'],
  [`${list}.hint`, 'what to do about it'],
  [`${list}.excerpt`, 'the line, with a caret below it; empty without a line'],
];

const phases = (list: string): JsonPart[] => [
  [`${list}.name`, 'the phase'],
  [`${list}.operations[].name`, "as the boot's log calls it"],
  [`${list}.operations[].do`, 'its kind'],
  [`${list}.operations[].domain`, 'the name of the domain, where it is about one'],
  [`${list}.operations[].details...`, 'what it is done with, in words and numbers'],
];

const events: JsonPart[] = [
  ['events[].pcr', 'the PCR'],
  ['events[].type', 'the type of the event, by its name or as 0x…'],
  ['events[].digests.BANK', 'what was extended, in hex'],
  ['events[].data', 'the data of the event, in hex'],
  [
    'events[].description...',
    "what an event of domB says (docs/measurement-log.md); null for others'",
  ],
  ['events[].text', 'what the event is about, in a line for people'],
  ['pcrs.BANK.PCR', 'the value that the events give, in hex'],
];

const keys: JsonPart[] = [
  ['ak', 'name of the attestation key, in hex'],
  ['ek', 'name of the endorsement key, in hex'],
  ['certificate', "SHA-256 of the endorsement key's certificate, where there is one"],
  ['authority.subject', 'who vouched for it'],
  ['authority.sha256', "SHA-256 of this authority's certificate"],
];

/** A rule of a module, or an assertion. */
const sourceRule = (list: string): JsonPart[] => [
  [`${list}.file`, 'the module'],
  [`${list}.line`, 'the line of the rule, or of the macro that gives it'],
  [`${list}.text`, 'the rule with macros expanded'],
  [`${list}.kind`, 'allow, dontaudit or neverallow'],
  [`${list}.source...`, 'its sources: names, but, all (*), inverted (~)'],
  [`${list}.target...`, 'its targets'],
  [`${list}.classes...`, 'its classes'],
  [`${list}.permissions...`, 'its permissions'],
];

const field = (prefix: string): JsonPart[] => [
  [`${prefix}path`, 'the property, such as domains[].memory'],
  [`${prefix}description`, 'what it means'],
  [`${prefix}expects`, 'what a value looks like'],
  [`${prefix}required`, 'yes, somewhere (here or in defaults) or no'],
  [`${prefix}default...`, 'the value when it is left out, where there is one'],
  [`${prefix}examples...`, 'values'],
  [`${prefix}members[]`, 'the properties inside it'],
  [`${prefix}schema...`, 'the part of the JSON Schema that decides'],
];

/** What every command with --json writes when it fails, instead of what it writes otherwise. */
export const failureShape: readonly JsonPart[] = [
  ['error.message', 'what failed'],
  ['error.hint', 'what to do about it, where there is something to say'],
  ...problem('error.problems[]'),
  ['error.more', 'true when there are more mistakes than were looked for'],
];

/** What a command with --json writes to standard output. */
export const jsonShapes: Partial<Record<DombCommand, readonly JsonPart[]>> = {
  validate: [
    ['files[].file', 'the FILE'],
    ['files[].valid', 'true when it has no mistakes'],
    ...problem('files[].problems[]'),
    ['files[].more', 'true when there are more mistakes than were looked for'],
    [
      'files[].notChecked[]',
      'what was asked for and could not be checked here, such as the types of scripts',
    ],
  ],
  plan: [
    ['manifest...', 'the settings as the boot has them; these may change with any version of domb'],
    ...phases('phases[]'),
    ...phases('recovery[]').map(([path, says]): JsonPart => [path, `${says} (on failure only)`]),
  ],
  predict: events,
  log: [
    ['form', 'crypto-agile, or sha1 for the form before TPM 2.0'],
    ['registers', 'PCR, or RTMR in the log of a confidential virtual machine'],
    ['padding', 'bytes at the end that are no event'],
    ['problems[]', 'what is wrong with the log, with its place'],
    ...events,
    ['error...', 'as of a failure, when something is wrong or the log is marked as incomplete'],
  ],
  verify: [
    ['outcome', 'proven, unproven (nothing is wrong, and a gap is open) or refused'],
    ['findings[].check', 'which check found it; docs/verifying.md has their names'],
    ['findings[].ok', 'true when it is as it should be'],
    ['findings[].says', 'what was found'],
    ['gaps[].gap', 'through what a lie could still come; docs/verifying.md has their names'],
    ['gaps[].says', 'what could be a lie'],
    ['gaps[].hint', 'what closes the gap'],
    ['gaps[].waived', 'true when --waive accepts it'],
    ['notes[]', 'what else this verdict does not vouch for'],
    ['guest.domain', 'the guest that was judged, with --guest; "outcome" is that of both'],
    ['guest.findings[].check', 'as above, for what the guest shows'],
    ['guest.findings[].ok', 'true when it is as it should be'],
    ['guest.findings[].says', 'what was found'],
    ['guest.gaps[].gap', 'through what a lie about the guest could still come'],
    ['guest.gaps[].says', 'what could be a lie'],
    ['guest.gaps[].hint', 'what closes the gap'],
    ['guest.notes[]', 'what of the guest this verdict does not vouch for'],
    ['items[].name', 'a measured or expected item; only where there is something to compare with'],
    ['items[].problems[]', 'how it differs'],
    ['pcrs[]', 'the registers that the log is about'],
    ['events[]...', 'what was measured (docs/measurement-log.md)'],
    ['bootEvents[]...', 'what differed at this boot'],
    ['boot.end', 'complete, recovery (it failed, and went on into its recovery domain) or failed'],
    ['boot.built[]', 'the domains that were there when the registers were capped'],
    ['boot.missing[].domain', 'a domain that the boot went on without'],
    ['boot.missing[].why', 'what failed'],
    ['scripts.changed[]', 'what boot scripts changed'],
    ['scripts.read[]', 'what boot scripts read of the machine'],
    ['quote.clock', "the TPM's clock in milliseconds, as text: it has 64 bits"],
    ['quote.resetCount', 'how often the TPM was reset'],
    ['quote.restartCount', 'how often it was resumed since'],
    ['quote.safe', 'true when the clock did not go back'],
    ['quote.firmwareVersion', "the TPM's, in hex"],
    ['quote.key', 'the name of the key that quoted, in hex'],
    ['quote.pcrs.BANK.PCR', 'the quoted values, in hex'],
  ],
  'enroll challenge': [
    ...keys,
    ['made', 'the time, as 2026-01-31T12:00:00.000Z'],
    ['challenge', 'the file for the platform'],
    ['secret', 'the file that stays'],
  ],
  'enroll check': [
    ...keys,
    ['challenged', 'when the challenge was made'],
    ['enrolled', 'when its answer was checked'],
    ['record', 'the file with the enrolled key'],
  ],
  introduce: [
    ['[].name', 'the domain'],
    ['[].domid', 'its domid'],
    [
      '[].outcome',
      'introduced, named, was introduced, was named, is gone, is another domain or failed',
    ],
    ['[].silent', 'true when it does not use xenstore yet'],
    ['[].pci[]', 'the PCI devices that it got'],
    ['[].problem.message', 'what failed'],
    ['[].problem.hint', 'what to do about it'],
  ],
  channels: [
    ['[].from.domid', 'the domain that sends'],
    ['[].from.port', 'its port'],
    ['[].to.domid', 'the domain where that arrives'],
    ['[].to.port', 'at this port'],
  ],
  'policy check': [
    ['ok', 'true when there is nothing to report'],
    ...problem('problems[]'),
    ['more', 'true when the manifest has more mistakes than were looked for'],
    ['findings[].rule', 'which rule found it'],
    ['findings[].message', 'what the policy allows'],
    ['findings[].hint', 'what to do about it'],
    ['findings[].source', 'the type that is allowed it'],
    ['findings[].target', 'the type that it is done to'],
    ['findings[].class', 'the class of the permissions'],
    ['findings[].permissions[]', 'what is allowed'],
  ],
  'policy explain': [
    ['parties[].name', 'the domains with this type, as the text calls them'],
    ['parties[].type', 'their type'],
    ['parties[].self', 'the type that each is to itself'],
    ['parties[].domains[].name', 'a domain of the manifest'],
    ['parties[].domains[].domid', 'its domid'],
    ['parties[].domains[].seclabel', 'its label'],
    ['parties[].later', 'true where a domain may create more of them'],
    ['parties[].boot', 'true of the boot domain'],
    ['parties[].building', 'their type while they are built, where it is another'],
    ['things[].name', 'what is no domain'],
    ['things[].type', 'its type'],
    ['things[].kind', 'hypervisor, policy or hardware'],
    ['permissive[]', 'types that Xen refuses nothing'],
    ['rights[].source', 'the type of who may'],
    ['rights[].target', 'the type of whom or what it is done to'],
    [
      'rights[].kind',
      'domain, itself, building (a domain while it is built), hypervisor, policy or hardware',
    ],
    ['rights[].may[]', 'in words'],
    ['rights[].permissions[].class', 'the class of a permission'],
    ['rights[].permissions[].permission', 'the permission'],
    ['rights[].permissions[].says', 'what it means'],
    ['flows[].from', 'the type that information comes from (with --flows)'],
    ['flows[].to', 'the type that it gets to; the same for several domains of one type'],
    ['flows[].weight', 'how much the way carries, 1 to 10'],
    ['flows[].over[]', 'the types that a shortest way leads over; none: directly'],
    ['flows[].only[]', 'those of them without which there is no way'],
    ['flows[].alone[]', 'the types each of which makes a way alone'],
    ['flows[].steps[].from', 'a type on this way'],
    ['flows[].steps[].to', 'the next one'],
    ['flows[].steps[].weight', 'how much this step carries'],
    ...['source', 'target', 'class', 'permission', 'weight'].map(
      (part): JsonPart => [`flows[].steps[].by[].${part}`, `the ${part} of a rule that carries it`],
    ),
  ],
  'policy why': [
    ['source', 'the type of SOURCE'],
    ['target', 'the type of TARGET'],
    ['action', 'the ACTION'],
    ['modules', 'true when the modules of the policy are known'],
    ['allowed', 'the answer'],
    [
      'permissions[].source',
      'whom Xen asks about; the type of an event channel where it asks for that',
    ],
    ['permissions[].target', 'the type that it is about'],
    ['permissions[].class', 'the class of a permission'],
    ['permissions[].permission', 'the permission'],
    ['permissions[].allowed', 'true when Xen grants it'],
    ['permissions[].says', 'what it means'],
    ['permissions[].silent', 'true where Xen would log no refusal (dontaudit)'],
    ['permissions[].rules[]', 'the rules of the compiled policy'],
    ['permissions[].limit', 'why it is refused although there is a rule, or granted without one'],
    ['permissions[].note', 'why the question makes no difference to Xen'],
    ...sourceRule('permissions[].sources[]'),
  ],
  'policy from-denials': [
    ['proposals[].denial.source', 'the type that was refused something'],
    ['proposals[].denial.target', 'the type that it was about'],
    ['proposals[].denial.class', 'the class of the permissions'],
    ['proposals[].denial.permissions[]', 'what was refused'],
    ['proposals[].denial.count', 'how often'],
    ['proposals[].denial.line', 'in which line first, counted from 1'],
    ['proposals[].rule', 'the rule that would allow it; empty where the policy does already'],
    ['proposals[].may[]', 'what it would let, in words'],
    ['proposals[].allowed[]', 'permissions that this policy allows already'],
    ['proposals[].unknown[]', 'what this policy has not'],
    ['proposals[].module', 'where the rule would go'],
    ...sourceRule('proposals[].violates[]'),
    ['proposals[].flow.there', 'how much information goes from source to target, 0 to 10'],
    ['proposals[].flow.back', 'how much comes back'],
    ['notXens[]', 'lines that look like a refusal and were printed by a domain'],
    ['unclear[]', 'lines of refusals that say too little'],
    ['more', 'true when there were more different refusals than are told'],
    ['modules', 'true when the modules of the policy are known'],
  ],
  explain: [
    ...field('').map(([path, says]): JsonPart => [path, `${says} (with PATH)`]),
    ...field('[].'),
  ],
};
