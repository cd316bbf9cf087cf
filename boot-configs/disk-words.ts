import { SCRIPT, type ServedDisk, TARGET, VDEV } from '../domains/served-devices.ts';
import { DeviceKeys, type Read, type Refused, readWords, unreadable } from './device-words.ts';

const forms = {
  target: { form: TARGET, expects: 'a block device of domain 0, such as /dev/vg/guest' },
  format: {
    form: /^(raw)?$/,
    expects: 'raw: other formats need a program in domain 0 as back end',
  },
  vdev: { form: VDEV, expects: 'the name of the disk in the domain, such as xvda' },
  access: { form: /^(r|ro|w|rw)$/, expects: 'r or ro, w or rw' },
  backendtype: { form: /^phy$/, expects: 'phy: the back end is the kernel of domain 0' },
  script: { form: SCRIPT, expects: 'the name of a program in /etc/xen/scripts of domain 0' },
} as const;

/** In a list in brackets, YAML takes each comma for the end of an item. */
const WHOLE = 'put all of it in quotes, with its name in the domain: "phy:/dev/vg/guest,xvda,w"';

const driverDomain = {
  says: 'names a driver domain, and disks are served by domain 0 here',
  hint: 'remove it, or attach the disk in domain 0, with "xl block-attach"',
};
const noCdrom = {
  says: 'is for drives of hvm domains with a device model, and no domain has one here',
  hint: 'remove it, and write "access=r" for a disk that is read only',
};
const noColo = {
  says: 'is for domains that run twice, and boot domains run once',
  hint: 'remove it',
};

const refused: Refused = {
  backend: driverDomain,
  devtype: noCdrom,
  cdrom: noCdrom,
  'direct-io-safe': {
    says: 'is for back ends that are programs, and the kernel of domain 0 is the back end here',
    hint: 'remove it',
  },
  colo: noColo,
  'colo-host': noColo,
  'colo-port': noColo,
  'colo-export': noColo,
  'active-disk': noColo,
  'hidden-disk': noColo,
};

/** Reads a disk as xl-disk-configuration(5) has it: `phy:/dev/vg/guest,xvda,w`, `format=raw,vdev=xvda,access=rw,target=/dev/vg/guest`. */
export function readDisk(text: string): Read<ServedDisk> {
  return readWords(text, (items) => {
    const keys = new DeviceKeys(forms, refused);
    let discard: boolean | undefined;
    const order: (keyof typeof forms)[] = ['target', 'format', 'vdev', 'access'];
    for (const [index, item] of items.entries()) {
      const [, prefix, behind = ''] = (index === 0 && /^([a-z][a-z0-9]*):(.*)$/.exec(item)) || [];
      const [, key, value = ''] = /^([a-z-]+)=(.*)$/.exec(item) ?? [];
      if (prefix !== undefined) {
        requireBlockDevice(prefix);
        keys.set('target', behind);
        keys.set('format', 'raw');
      } else if (key !== undefined) {
        keys.set(key, value);
        if (key === 'target' && index < items.length - 1) {
          unreadable('something stands behind "target="', 'put "target=" last, as in xl.cfg');
        }
      } else if (item === 'discard' || item === 'no-discard') {
        discard = item === 'discard';
      } else if (Object.hasOwn(refused, item)) {
        keys.refuse(item);
      } else {
        const next = order.find((each) => !keys.has(each));
        if (next === undefined) unreadable(`"${item}" is too much`, 'remove it');
        keys.set(next, item);
      }
    }
    if (items.length === 1) {
      unreadable(`"${text}" is not all of a disk`, WHOLE);
    }
    return diskWith(keys, discard);
  });
}

function requireBlockDevice(prefix: string): void {
  if (prefix === 'phy' || prefix === 'raw') return;
  const hint =
    prefix === 'file'
      ? 'make a block device of the file in domain 0 (losetup), and name that'
      : 'name a block device of domain 0';
  unreadable(
    `"${prefix}:" needs a program in domain 0 as back end, and disks have its kernel here`,
    hint,
  );
}

function diskWith(keys: DeviceKeys<keyof typeof forms>, discard: boolean | undefined): ServedDisk {
  const [target, vdev, script] = [keys.get('target'), keys.get('vdev'), keys.get('script')];
  if (target === undefined) {
    unreadable('the disk has no target', 'add "target=" with a block device of domain 0, last');
  }
  if (vdev === undefined) {
    unreadable('the disk has no name in the domain', 'add "vdev=xvda", or another letter');
  }
  if (script === undefined && !/^\/[^/]/.test(target)) {
    unreadable(`the target "${target}" is no path from the root on`, 'write all of it: /dev/...');
  }
  if (target.split('/').includes('..')) {
    unreadable(`the target "${target}" has ".." in it`, 'write the path without it');
  }
  return {
    vdev,
    target,
    // As xl has it where nothing is said.
    access: /^r?w$/.test(keys.get('access') ?? 'rw') ? 'w' : 'r',
    ...(script === undefined ? {} : { script }),
    ...(discard === undefined ? {} : { discard }),
  };
}
