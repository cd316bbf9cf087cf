import { actionWords } from '../boot-configs/policy/meaning/plain-actions.ts';
import type { Command, Option } from './command.ts';

const json: Option = { name: 'json', says: 'Write JSON to standard output, for programs.' };
const policy: Option = {
  name: 'policy',
  value: 'FILE',
  says: 'The compiled FLASK policy; ours when left out.',
  completes: 'files',
};

/** Commands about what the FLASK policy allows the domains of a manifest. */
export const policyCommands: readonly Command[] = [
  {
    name: 'policy check',
    summary: 'report what a FLASK policy should not allow',
    description: [
      'Looks into the rules of a compiled FLASK policy: whether the domains of a manifest can have their labels and what else the ' +
        'manifest gives them, and whether anybody may do what no platform should allow, such as loading another policy. It ends ' +
        'with 1 when there is anything to report.',
    ],
    arguments: [{ name: 'FILE', says: 'A manifest; "-" is standard input.', completes: 'files' }],
    options: [policy, json],
    examples: [
      { says: 'Check our policy', command: 'domb policy check platform.yaml' },
      {
        says: 'Check one of your own',
        command: 'domb policy check platform.yaml --policy policy',
      },
    ],
  },
  {
    name: 'policy build',
    summary: 'compile our FLASK policy with modules of your own',
    description: [
      'Compiles our FLASK policy together with the modules (*.te) in DIR, which may use what ours define: a type of your own for guests is one ' +
        'line, "ordinary_guest(NAME_t)". It fails when they give a right that our assertions forbid. docs/policy.md goes through an example.',
      "It takes Debian packages and Xen's source, as making an image does.",
    ],
    arguments: [{ name: 'DIR', says: 'The directory of your modules.', completes: 'files' }],
    options: [
      { name: 'output', short: 'o', value: 'FILE', says: 'Write to FILE.', completes: 'files' },
    ],
    required: [['output']],
    examples: [
      {
        says: 'Compile a policy with a type of your own',
        command: 'domb policy build policy.d -o till.policy',
      },
    ],
  },
  {
    name: 'policy explain',
    summary: 'say in plain words who may do what to whom',
    description: [
      'Says what the FLASK policy lets the domains of a manifest do to each other, to Xen and to the hardware, computed from the ' +
        'rules of the compiled policy: first who has power over each domain, then what each may do. Domains of one type stand together.',
      'With --flows it also says on which ways information can get from one domain to another, and over whom, by a permission map ' +
        'that says what each permission carries (platform/policy/perm_map, which setools take, too).',
      'With --mermaid it gives a picture of the domains and what joins them, for Mermaid, instead.',
    ],
    arguments: [
      { name: 'MANIFEST', says: 'A manifest; "-" is standard input.', completes: 'files' },
    ],
    options: [
      policy,
      { name: 'all', says: 'Name every permission behind the words.' },
      { name: 'flows', says: 'Say how information can get from one domain to another.' },
      {
        name: 'weight',
        value: 'NUMBER',
        says: 'Only flows that carry at least this much, of 10; 6 when left out: messages, shared pages and memory.',
      },
      { name: 'mermaid', says: 'Give a picture for Mermaid, and nothing else.' },
      json,
    ],
    examples: [
      { says: 'Who may do what', command: 'domb policy explain platform.yaml' },
      {
        says: 'How information can get around, by settings and signals too',
        command: 'domb policy explain platform.yaml --flows --weight 1',
      },
      { says: 'A picture', command: 'domb policy explain platform.yaml --mermaid > domains.mmd' },
    ],
  },
  {
    name: 'policy why',
    summary: 'say whether an action is allowed, and by which rules',
    description: [
      'Answers whether SOURCE may do ACTION to TARGET, with the rules of the compiled policy that say so and, where the policy was ' +
        'compiled here, the lines of the modules: what allows it, or the assertions that forbid it. It ends with 0 whatever the answer is.',
      `ACTION is a permission (class:permission, or its name alone) or one of these words: ${actionWords().join(', ')}.`,
    ],
    arguments: [
      {
        name: 'SOURCE',
        says: 'A type, a label, a domain of the manifest, or domB.',
        completes: [],
      },
      {
        name: 'TARGET',
        says: 'The same; or self, xen (the hypervisor) or policy (its security server).',
        completes: [],
      },
      {
        name: 'ACTION',
        says: 'A permission or a plain word; several words are one.',
        many: true,
        completes: actionWords(),
      },
    ],
    options: [
      {
        name: 'manifest',
        value: 'FILE',
        says: 'SOURCE and TARGET may be domains of this manifest.',
        completes: 'files',
      },
      policy,
      json,
    ],
    examples: [
      {
        says: 'Can domain 0 look into the vTPM domain?',
        command: 'domb policy why dom0_t vtpm_t read memory',
      },
      {
        says: 'By the names of a manifest',
        command: 'domb policy why dom0 vtpm domain:getdomaininfo --manifest platform.yaml',
      },
    ],
  },
  {
    name: 'policy from-denials',
    summary: 'make readable proposals of what Xen refused',
    description: [
      'Reads the console of a boot and makes of each refusal that Xen logged (avc: denied) a proposal: the rule that would allow it, ' +
        'what that would let, into which module it would go, and which assertion forbids it. Nothing is changed.',
    ],
    arguments: [
      {
        name: 'CONSOLE',
        says: 'What the console printed, or xl dmesg; "-" is standard input.',
        completes: 'files',
      },
    ],
    options: [policy, json],
    examples: [
      { says: 'In dom0', command: 'xl dmesg | domb policy from-denials -' },
      { says: 'After a demo', command: 'domb policy from-denials out/demo/console.log' },
    ],
  },
];
