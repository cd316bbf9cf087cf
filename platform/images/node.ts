import { ownRelease } from '../../xen-releases/releases.ts';
import { nodeRuntime } from './runtime.ts';

// dlopen'ed, so no ELF header names them (bindings/libxen*.ts).
const libraries = [
  ...[ownRelease.libraries.control, ownRelease.libraries.guest],
  ...['libxenstore.so.4', 'libxengnttab.so.1'],
];

/** Builds the part of a ramdisk that brings Node, our FFI addon and Xen's libraries to a domain. Returns its path. */
export function nodeSegment(): Promise<string> {
  return nodeRuntime({
    name: 'node-segment',
    packages: [ownRelease.packages.libraries, ownRelease.packages.store, 'libstdc++6'],
    libraries,
    modules: [],
    directories: [],
  });
}
