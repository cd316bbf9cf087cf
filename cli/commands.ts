import type { Command, Option } from './command.ts';
import { enrollCommands } from './enroll-commands.ts';
import {
  evidenceCommands,
  noPolicy,
  policy,
  secureBootSource,
  signedKey,
} from './evidence-commands.ts';
import { exportCommand } from './export-command.ts';
import { hostCommands } from './host-commands.ts';
import { policyCommands } from './policy-commands.ts';
import { sealingCommands } from './sealing-commands.ts';
import { vtpmStateCommands } from './vtpm-state-commands.ts';

const record: Option = {
  name: 'record',
  value: 'FILE',
  says: 'The record that domB handed over; /run/domb/record.json.',
  completes: 'files',
};
const json: Option = { name: 'json', says: 'Write JSON to standard output, for programs.' };
const platformMemory: Option = {
  name: 'platform-memory',
  value: 'SIZE',
  says: 'Report domains that together need more than a machine with SIZE, such as 16GiB, has for them: Xen takes some, and the boot domain what dom0_mem= in --xen-options says, or else what these images, the largest domain and boot scripts need.',
};

const images: Option = {
  name: 'images',
  value: 'DIR',
  says: 'Look into the images below DIR too.',
  completes: 'directories',
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
      'With --policy the rules of the policy that Xen will load are asked: whether the labels are known, whether domB may make such ' +
        'domains, and whether they may have what the manifest gives them and no powers that it does not declare.',
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
        says: 'Report labels that the compiled FLASK policy in FILE does not know, or that it does not allow.',
        completes: 'files',
      },
      {
        name: 'key',
        value: 'FILE',
        says: 'Report manifests without a right signature under the public key in FILE. The signature is in a file with .sig added to the name.',
        completes: 'files',
      },
      platformMemory,
      {
        name: 'platform-cpus',
        value: 'LIST',
        says: 'Report domains tied to CPUs that are not in LIST, such as 0-7.',
      },
      {
        name: 'xen-options',
        value: 'OPTIONS',
        says: "Report what a Xen with this command line does not give: grant limits, the hardware domain's domid, the serial ports of its console, devices kept from memory where the manifest requires an IOMMU. Options that undo isolation are reported, too.",
      },
      { name: 'quiet', short: 'q', says: 'Say nothing about manifests without mistakes.' },
      json,
    ],
    examples: [
      { says: 'Check a manifest', command: 'domb validate platform.yaml' },
      {
        says: 'Check what a program makes, with its images',
        command: 'make-manifest | domb validate --images images -',
      },
      {
        says: 'Sign a manifest, then check it',
        command:
          'openssl pkeyutl -sign -rawin -inkey key.pem -in p.yaml -out p.yaml.sig; domb validate --key public.pem p.yaml',
      },
      { says: 'Check all manifests in a hook', command: 'domb validate --quiet *.yaml' },
    ],
  },
  {
    name: 'plan',
    summary: 'show what a boot will do',
    description: [
      'Shows, in order, what the boot domain will do with a manifest, without doing it. With --images it shows the ' +
        'sizes and SHA-256 digests of the images too.',
    ],
    arguments: [{ name: 'FILE', says: 'A manifest; "-" is standard input.', completes: 'files' }],
    options: [images, policy, noPolicy, signedKey, json],
    examples: [
      { says: 'Show the plan', command: 'domb plan platform.yaml' },
      {
        says: 'Compare the plans of two manifests',
        command: 'diff <(domb plan old.yaml) <(domb plan new.yaml)',
      },
    ],
  },
  {
    name: 'image',
    summary: 'make what a platform boots from',
    description: [
      "Makes domB's initramfs for a manifest: Node, the daemon, the manifest, and the images that it names, taken from " +
        'DIR. The manifest is checked as "domb validate --images" does.',
      'With --efi it makes one EFI application of everything that firmware is to start and to measure: Xen, its options, ' +
        "domB's kernel and initramfs, and the FLASK policy. Put it on the EFI system partition as EFI/BOOT/BOOTX64.EFI, or " +
        'make a boot option for it. The same manifest and images give the same file. It prints PCR 4, and with --secure-boot PCR 7, ' +
        'as firmware that starts this file will have them.',
      'It prints how much memory domB gets, which follows from the images and stands in the EFI file: while Linux unpacks the ' +
        'initramfs, that is there twice. What --xen-options says instead must not be less.',
      'Beside the image it writes what is in it: IMAGE.cdx.json, a list in the form CycloneDX, and IMAGE.lock.json, with which --locked makes the same ' +
        'image again.',
      "It takes Debian packages, and builds Xen from their source when that was not done yet. It says which version that is, and refuses one that is not the newest in Debian's archive unless it is named.",
    ],
    arguments: [{ name: 'FILE', says: 'A manifest.', completes: 'files' }],
    options: [
      { ...images, says: 'Take the images from DIR.' },
      { name: 'output', short: 'o', value: 'FILE', says: 'Write to FILE.', completes: 'files' },
      { name: 'efi', says: 'Make an EFI application.' },
      {
        name: 'efi-key',
        value: 'FILE',
        says: 'Sign the EFI application for Secure Boot with the private key in FILE.',
        completes: 'files',
      },
      {
        name: 'efi-cert',
        value: 'FILE',
        says: 'The certificate of that key, as firmware has it enrolled.',
        completes: 'files',
      },
      secureBootSource,
      platformMemory,
      {
        name: 'xen-options',
        value: 'TEXT',
        says: "More of Xen's command line, such as its console.",
      },
      {
        name: 'xen-version',
        value: 'VERSION',
        says: 'Take this version of Xen, though Debian lists a newer one whose source can not be had. DOMB_XEN_VERSION in the environment does the same.',
      },
      {
        name: 'xen-source',
        value: 'DIR',
        says: "Build Xen, and the policy for it, from the source tree in DIR, with our series, in the place of Debian's source.",
        completes: 'directories',
      },
      {
        name: 'locked',
        value: 'FILE',
        says: 'Make the image of the lock in FILE again: with the versions of Debian packages that it names; what differs otherwise is a mistake.',
        completes: 'files',
      },
      {
        name: 'policy',
        value: 'FILE',
        says: 'Take the compiled FLASK policy in FILE instead of ours, and check the labels with it.',
        completes: 'files',
      },
      {
        name: 'key',
        value: 'FILE',
        says: 'Refuse a manifest without a right signature under the public key in FILE, now and at every boot. The signature is in a file with .sig added to the name.',
        completes: 'files',
      },
    ],
    required: [['images'], ['output']],
    examples: [
      {
        says: "domB's initramfs, for a boot loader that starts Xen",
        command: 'domb image platform.yaml --images images -o domb.initramfs',
      },
      {
        says: 'An EFI file with a serial console, signed',
        command:
          'domb image platform.yaml --images images -o boot.efi --efi --efi-key db.key --efi-cert db.pem ' +
          '--xen-options "console=com1 com1=115200,8n1"',
      },
    ],
  },
  ...hostCommands,
  ...evidenceCommands,
  ...enrollCommands,
  ...sealingCommands,
  exportCommand,
  {
    name: 'introduce',
    summary: 'introduce the domains of a boot to xenstore, in dom0',
    description: [
      'Describes each domain that domB made in xenstore, so that xl knows it by its name, and has xenstored serve those with ' +
        '"xenstore: true" in the manifest. These can then be shut down cleanly with xl shutdown; with "console: true", xl console ' +
        'works too. Then the devices that the manifest gives them are attached through libxl: disk, vif, and pci, for which domB has to be gone. What one domain cannot get is said, and the others get theirs.',
      'It is run once in each boot, as root in dom0 when xenstored runs; domb-receive does so where this command is ' +
        'installed. What was introduced before stays as it is; what xenstore has lost of it is written anew. A pvh or hvm domain that does not use xenstore is told again, ' +
        'for a minute at most: Linux can miss it while it starts.',
    ],
    arguments: [],
    options: [
      record,
      {
        name: 'no-wait',
        says: 'Tell each domain once, and do not wait until it uses xenstore.',
      },
      json,
    ],
    examples: [{ says: 'After domb-receive', command: 'domb introduce' }],
  },
  {
    name: 'watch',
    summary: 'do with domains that stop what the manifest says, in dom0',
    description: [
      'Waits for the ends of the domains with "xenstore: true" that domB made, and does with each what "on_poweroff", "on_reboot" and ' +
        '"on_crash" in the manifest say: destroys it, with its devices, leaves it until xl destroy, or destroys it and builds it again. One that is ' +
        'being saved is left alone.',
      'A domain is built again only from images whose digests are those that this boot measured, under its domid and label; where they are ' +
        'others, it stays destroyed, and that is told. The log is not compared with the TPM, and no evidence covers the new instance.',
      'It runs until no such domain is left; domb-watch.service of the package domb-dom0 runs it. Each end is told on standard output.',
    ],
    arguments: [],
    options: [
      record,
      {
        name: 'log',
        value: 'FILE',
        says: 'The measurement log that domB handed over; /run/domb/measurement.log.',
        completes: 'files',
      },
      {
        name: 'images',
        value: 'DIR',
        says: 'Where the images are, by the names that the manifest gives them; /var/lib/domb/images.',
        completes: 'files',
      },
    ],
    examples: [{ says: 'After domb introduce', command: 'domb watch' }],
  },
  {
    name: 'channels',
    summary: 'show and join ports of domains, in dom0',
    description: [
      'Shows where each port of a domain sends, as FROM:PORT>TO:PORT, when the changes that are given are made. The domains do not notice: ' +
        'what they send next arrives at the new place. What the manifest says is measured; what is changed here is not. It needs "argo=1" on ' +
        "Xen's command line, and a policy with the module channels (docs/channels.md).",
    ],
    arguments: [
      {
        name: 'CHANGE',
        says:
          'NAME:PORT=NAME:PORT joins two ports, so that each sends to the other; NAME:PORT>NAME:PORT has the first send to the second; ' +
          'NAME:PORT ends where that port sends. A name is one of the manifest, or a domid.',
        optional: true,
        many: true,
        completes: [],
      },
    ],
    options: [record, json],
    examples: [
      { says: 'What is joined', command: 'domb channels' },
      { says: 'Another storage for the client', command: 'domb channels client:1=spare:100' },
    ],
  },
  ...vtpmStateCommands,
  {
    name: 'try-script',
    summary: 'run the boot scripts of a manifest on a made-up machine',
    description: [
      'Runs the boot scripts of a manifest, at their points and in their order, as a boot would: what they log and change is checked and ' +
        'shown, and what the domains would become. Nothing is built, measured or started. Of the images only ' +
        'the scripts have to be there.',
      'The machine is that of --host: a JSON file with some members of boot.host (docs/boot-scripts.md). Scripts are run as this user.',
    ],
    arguments: [{ name: 'FILE', says: 'A manifest; "-" is standard input.', completes: 'files' }],
    options: [
      { ...images, says: 'The scripts are in DIR.' },
      {
        name: 'host',
        value: 'FILE',
        says: 'The machine; boot-configs/host-facts.json is an example. An ordinary one when left out.',
        completes: 'files',
      },
    ],
    required: [['images']],
    examples: [
      {
        says: 'What the scripts of an example would do on a machine',
        command:
          'domb try-script boot-configs/permissions.yaml --images boot-configs/scripts --host boot-configs/host-facts.json',
      },
    ],
  },
  {
    name: 'timeline',
    summary: 'show what a boot did when',
    description: [
      "Shows each phase and step of a boot, when it began after domB's kernel and how long it took, as a table or, with --svg, as a " +
        'picture in which each step is a bar.',
      'FILE is the timeline.json that the demo leaves in out/demo, or the record that domB handed over; in dom0 that is ' +
        '/run/domb/record.json, which is taken when FILE is left out.',
    ],
    arguments: [
      {
        name: 'FILE',
        says: 'A timeline or a record; "-" is standard input.',
        optional: true,
        completes: 'files',
      },
    ],
    options: [{ name: 'svg', says: 'Write a picture in SVG to standard output.' }],
    examples: [
      { says: 'The boot of this platform, in dom0', command: 'domb timeline' },
      {
        says: 'A picture of the demo',
        command: 'domb timeline out/demo/timeline.json --svg > boot.svg',
      },
    ],
  },
  ...policyCommands,
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
  },
  {
    name: 'schema',
    summary: 'print the JSON Schema of manifests',
    description: [
      'Prints the JSON Schema (2020-12) of manifests. Editors that speak to yaml-language-server complete and check ' +
        'a manifest whose first line is "# yaml-language-server: $schema=FILE".',
    ],
    arguments: [],
    options: [
      {
        name: 'version',
        value: 'NUMBER',
        says: 'The schema of manifests of this version instead of the newest.',
        completes: ['1', '2'],
      },
    ],
    examples: [{ says: 'Save it for an editor', command: 'domb schema > manifest.schema.json' }],
  },
  {
    name: 'completion',
    summary: 'print a completion script for a shell',
    description: ['Prints a script that makes the shell complete commands, options and files.'],
    arguments: [{ name: 'SHELL', says: 'bash, zsh or fish.', completes: ['bash', 'zsh', 'fish'] }],
    options: [],
    examples: [
      { says: 'In ~/.bashrc', command: 'source <(domb completion bash)' },
      { says: 'For zsh, with ~/.zfunc in fpath', command: 'domb completion zsh > ~/.zfunc/_domb' },
    ],
  },
  {
    name: 'help',
    summary: 'explain a command',
    description: ['Explains a command, or lists them all.'],
    arguments: [
      {
        name: 'COMMAND',
        says: 'The command; some have two words.',
        optional: true,
        many: true,
        completes: 'commands',
      },
    ],
    options: [],
    examples: [{ says: 'All about validate', command: 'domb help validate' }],
  },
];
