import type { Command, Option } from './command.ts';

const dryRun: Option = { name: 'dry-run', says: 'Show what would be done, and change nothing.' };
const yes: Option = { name: 'yes', short: 'y', says: 'Do not ask before anything is changed.' };
const json: Option = { name: 'json', says: 'Write JSON to standard output, for programs.' };

/** What `domb` does on the host that it boots. */
export const hostCommands: readonly Command[] = [
  {
    name: 'install',
    summary: 'have this host boot a manifest',
    description: [
      'Checks the manifest as a boot would, makes a release of it (Xen, domB with all images that the manifest names, the policy) below ' +
        '/boot/domb, and has GRUB try it once, at the next boot. It becomes the default when dom0 has received its hand-over; if not, the boot after that is ' +
        'what it was before, and "domb status" has the reason. Everything that is to be changed is shown before.',
      'Images that the manifest calls host/vmlinux and host/initrd.img are the kernel and the initramfs of this host: its newest, or those of ' +
        '--kernel. A new release is made when they change.',
    ],
    arguments: [{ name: 'MANIFEST', says: 'A manifest.', completes: 'files' }],
    options: [
      {
        name: 'images',
        value: 'DIR',
        says: 'The other images that the manifest names; beside the manifest when left out. They are copied.',
        completes: 'directories',
      },
      {
        name: 'kernel',
        value: 'RELEASE',
        says: 'Always take this kernel of the host, as uname -r prints it, in the place of the newest.',
      },
      {
        name: 'xen-options',
        value: 'TEXT',
        says: "More of Xen's command line, such as its console.",
      },
      {
        name: 'efi',
        says: 'Have firmware start releases, each from one EFI file and by a boot option of its own, in the place of GRUB.',
      },
      {
        name: 'efi-key',
        value: 'FILE',
        says: 'Sign releases for Secure Boot with the private key in FILE, now and whenever one is made.',
        completes: 'files',
      },
      {
        name: 'efi-cert',
        value: 'FILE',
        says: 'The certificate of that key, as firmware has it enrolled.',
        completes: 'files',
      },
      {
        name: 'policy',
        value: 'FILE',
        says: 'Take the compiled FLASK policy in FILE instead of ours, now and whenever a release is made.',
        completes: 'files',
      },
      {
        name: 'key',
        value: 'FILE',
        says: 'Refuse a manifest without a right signature under the public key in FILE, now and at every boot. The signature is in a file with .sig added to the name.',
        completes: 'files',
      },
      dryRun,
      yes,
    ],
    examples: [
      { says: 'What would be done', command: 'domb install host.yaml --dry-run' },
      {
        says: 'With a serial console for Xen',
        command: 'domb install host.yaml --xen-options "console=com1 com1=115200,8n1"',
      },
    ],
  },
  {
    name: 'update',
    summary: 'make a release of what is installed, on this host',
    description: [
      'Makes a release of the installed manifest as the host is now, says what changes in the PCRs, and has it tried once, at the next boot. ' +
        'The packages run it when a kernel or an initramfs of the host was changed, and when domb itself was.',
    ],
    arguments: [],
    options: [
      {
        name: 'changed',
        value: 'RELEASE',
        says: 'Do nothing unless the release would have this kernel.',
      },
    ],
    examples: [{ says: 'After a change that nothing notices', command: 'domb update' }],
  },
  {
    name: 'settle',
    summary: 'decide about the release on trial, in dom0',
    description: [
      'Makes the release that is on trial the default where this boot is of it and its hand-over was received, else notes why it failed. ' +
        'domb-settle.service runs it once in each boot.',
    ],
    arguments: [],
    options: [],
    examples: [{ says: 'After "systemctl restart domb-receive"', command: 'domb settle' }],
  },
  {
    name: 'uninstall',
    summary: 'have this host boot as before domb',
    description: [
      'Removes all that "domb install" and its updates have put on this host, and their boot entries. The packages stay.',
    ],
    arguments: [],
    options: [dryRun, yes],
    examples: [{ says: 'Without a question', command: 'domb uninstall --yes' }],
  },
  {
    name: 'status',
    summary: 'say how this host booted, and what it boots next',
    description: [
      'Says which release booted, from which manifest; the domains that there are; which evidence is kept, and through what gaps a lie could ' +
        'come in it; what is the default, what is on trial, and why the last trial failed. It ends with 1 where something has failed.',
    ],
    arguments: [],
    options: [json],
    examples: [{ says: 'As root in dom0', command: 'domb status' }],
  },
  {
    name: 'list',
    summary: 'find domains by name, domid or UUID, in dom0',
    description: [
      'Shows the domains that there are, or those that are named, with what names each: its name, its domid and its UUID. A UUID names one ' +
        'running instance, and is never used again; where the manifest fixes one, a warning says so.',
    ],
    arguments: [
      {
        name: 'DOMAIN',
        says: 'A name, a domid or a UUID.',
        optional: true,
        many: true,
        completes: 'domains',
      },
    ],
    options: [
      {
        name: 'record',
        value: 'FILE',
        says: 'The record that domB handed over; /run/domb/record.json.',
        completes: 'files',
      },
      { name: 'words', says: 'Print what names them, one a line, for shells that complete it.' },
      json,
    ],
    examples: [{ says: 'Who is that?', command: 'domb list 3f0c3f9c-6a4b-4a52-9b43-4d7f6b9bb3a1' }],
  },
];
