import type { Command, Option } from './command.ts';

const json: Option = { name: 'json', says: 'Write JSON to standard output, for programs.' };
const images: Option = {
  name: 'images',
  value: 'DIR',
  says: 'Look into the images below DIR too.',
  completes: 'directories',
};

export const program = {
  name: 'domb',
  summary: 'manifests of Xen platforms that a boot domain builds',
  version: '0.1.0',
};

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  {
    name: 'validate',
    summary: 'report every mistake in manifests',
    description: [
      'Reads each FILE and reports all its mistakes at once, each with its place, the line and what to do about it. ' +
        'These are the checks that the boot domain makes before it builds anything.',
      'With --images the kernels and ramdisks are looked into as well: whether they are there, whether Xen can load ' +
        'them for that type of domain, whether they have the pinned digest and fit into the memory.',
      'With --policy the labels are looked up in the policy that Xen will load.',
    ],
    arguments: [
      {
        name: 'FILE',
        says: 'A manifest; "-" is standard input.',
        many: true,
        completes: 'files',
      },
    ],
    options: [
      images,
      {
        name: 'policy',
        value: 'FILE',
        says: 'Report labels that the compiled FLASK policy in FILE does not know.',
        completes: 'files',
      },
      {
        name: 'key',
        value: 'FILE',
        says: 'Report manifests without a right signature under the public key in FILE. The signature is in a file with .sig added to the name.',
        completes: 'files',
      },
      {
        name: 'platform-memory',
        value: 'SIZE',
        says: 'Report domains that together need more than SIZE, such as 16GiB.',
      },
      { name: 'quiet', short: 'q', says: 'Say nothing about manifests without mistakes.' },
      json,
    ],
    examples: [
      { says: 'Check a manifest', command: 'domb validate platform.yaml' },
      {
        says: 'Check what a program makes, with its images',
        command: 'make-manifest | domb validate --images /srv/images -',
      },
      {
        says: 'Sign a manifest, then check it',
        command:
          'openssl pkeyutl -sign -rawin -inkey key.pem -in p.yaml -out p.yaml.sig; domb validate --key public.pem p.yaml',
      },
      { says: 'Check all manifests in a hook', command: 'domb validate --quiet *.yaml' },
    ],
    load: () => import('./validate.ts'),
  },
  {
    name: 'plan',
    summary: 'show what a boot will do',
    description: [
      'Shows, in order, what the boot domain will do with a manifest, without doing it. With --images it shows the ' +
        'sizes and SHA-256 digests of the images too.',
    ],
    arguments: [{ name: 'FILE', says: 'A manifest; "-" is standard input.', completes: 'files' }],
    options: [images, json],
    examples: [
      { says: 'Show the plan', command: 'domb plan platform.yaml' },
      {
        says: 'Compare the plans of two manifests',
        command: 'diff <(domb plan old.yaml) <(domb plan new.yaml)',
      },
    ],
    load: () => import('./plan.ts'),
  },
  {
    name: 'explain',
    summary: 'say what a property of the manifest means',
    description: ['Explains a property, or lists all properties when PATH is left out.'],
    arguments: [
      {
        name: 'PATH',
        says: 'The property, such as domains.memory, or its last part when that is unique.',
        optional: true,
        completes: 'fields',
      },
    ],
    options: [json],
    examples: [
      { says: 'List the properties', command: 'domb explain' },
      { says: 'Explain one', command: 'domb explain domains.seclabel' },
    ],
    load: () => import('./explain.ts'),
  },
  {
    name: 'schema',
    summary: 'print the JSON Schema of manifests',
    description: [
      'Prints the JSON Schema (2020-12) of manifests. Editors that speak to yaml-language-server complete and check ' +
        'a manifest whose first line is "# yaml-language-server: $schema=FILE".',
    ],
    arguments: [],
    options: [],
    examples: [{ says: 'Save it for an editor', command: 'domb schema > manifest.schema.json' }],
    load: () => import('./schema.ts'),
  },
  {
    name: 'completion',
    summary: 'print a completion script for a shell',
    description: ['Prints a script that makes the shell complete commands, options and files.'],
    arguments: [{ name: 'SHELL', says: 'bash or zsh.', completes: ['bash', 'zsh'] }],
    options: [],
    examples: [
      { says: 'In ~/.bashrc', command: 'source <(domb completion bash)' },
      { says: 'For zsh, with ~/.zfunc in fpath', command: 'domb completion zsh > ~/.zfunc/_domb' },
    ],
    load: () => import('./completion.ts'),
  },
  {
    name: 'help',
    summary: 'explain a command',
    description: ['Explains a command, or lists them all.'],
    arguments: [{ name: 'COMMAND', says: 'The command.', optional: true, completes: 'commands' }],
    options: [],
    examples: [{ says: 'All about validate', command: 'domb help validate' }],
    load: () => import('./help.ts'),
  },
];
