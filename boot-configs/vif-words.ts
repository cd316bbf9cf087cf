import {
  ADDRESSES,
  INTERFACE,
  MAC,
  MOST_RATE,
  MTU,
  SCRIPT,
  type ServedVif,
} from '../domains/served-devices.ts';
import { DeviceKeys, type Read, type Refused, readWords, unreadable } from './device-words.ts';

const inDomain0 = 'the name of an interface in domain 0, at most 15 characters';

const forms = {
  mac: {
    form: new RegExp(MAC.source, 'i'),
    expects: 'six bytes in hexadecimal, the first one even, such as 00:16:3e:12:34:56',
  },
  bridge: { form: INTERFACE, expects: inDomain0 },
  ip: { form: ADDRESSES, expects: 'addresses with spaces between them' },
  script: { form: SCRIPT, expects: 'the name of a program in /etc/xen/scripts of domain 0' },
  vifname: { form: INTERFACE, expects: inDomain0 },
  gatewaydev: { form: INTERFACE, expects: inDomain0 },
  mtu: { form: /^[1-9][0-9]{1,4}$/, expects: `a number from ${MTU.least} to ${MTU.most}` },
  rate: {
    form: /^[1-9][0-9]{0,9}[GMK]?[Bb]\/s(@[1-9][0-9]{0,9}[mu]?s?)?$/,
    expects: 'bits or bytes in a second, such as 10Mb/s or 250KB/s, and perhaps @20ms',
  },
  type: { form: /^vif$/, expects: 'vif: what is emulated needs a device model, and there is none' },
} as const;

const refused: Refused = {
  backend: {
    says: 'names a driver domain, and interfaces are served by domain 0 here',
    hint: 'remove it, or attach the interface in domain 0, with "xl network-attach"',
  },
  model: {
    says: 'is for emulated cards, and a domain has its front end only',
    hint: 'remove it',
  },
  accel: { says: 'has no effect any more', hint: 'remove it' },
  devid: { says: 'is the place in the list here, from 0 on', hint: 'remove it' },
  trusted: { says: 'is for domain 0 to say', hint: 'remove it' },
};

/** Reads an interface as xl-network-configuration(5) has it: `mac=00:16:3e:12:34:56,bridge=xenbr0`; nothing stands for an ordinary one. */
export function readVif(text: string): Read<ServedVif> {
  return readWords(text, (items) => {
    const keys = new DeviceKeys(forms, refused);
    for (const item of items) {
      if (item === '') continue;
      const [, key, value = ''] = /^([a-z_]+)=(.*)$/.exec(item) ?? [];
      if (key === undefined) unreadable(`"${item}" has no "=" in it`, 'write KEY=VALUE');
      keys.set(key, value);
    }
    const mac = keys.get('mac')?.toLowerCase();
    if (mac === '00:00:00:00:00:00') {
      unreadable('an address of zeros is none', 'write another, or leave "mac" out');
    }
    const plain = (['bridge', 'ip', 'script', 'vifname', 'gatewaydev'] as const).flatMap((key) => {
      const value = keys.get(key);
      return value === undefined ? [] : [[key, value] as const];
    });
    const [mtu, rate] = [keys.get('mtu'), keys.get('rate')];
    return {
      ...(mac === undefined ? {} : { mac }),
      ...(Object.fromEntries(plain) as ServedVif),
      ...(mtu === undefined ? {} : { mtu: mtuOf(Number(mtu)) }),
      ...(rate === undefined ? {} : { rate: rateOf(rate) }),
    };
  });
}

function mtuOf(mtu: number): number {
  if (mtu < MTU.least || mtu > MTU.most)
    unreadable(`"mtu" is "${mtu}"`, `expected ${forms.mtu.expects}`);
  return mtu;
}

const multiples: Readonly<Record<string, number>> = { K: 1e3, M: 1e6, G: 1e9 };
const intervals: Readonly<Record<string, number>> = { u: 1, m: 1e3 };

/** As xlu_vif_parse_rate of libxlutil: without an interval that is 50 ms, without a unit it is in seconds. */
function rateOf(text: string): { bytes: number; microseconds: number } {
  const [amount = '', interval = '50ms'] = text.split('@');
  const [, count = '', multiple = '', unit] = /^([0-9]+)([GMK]?)([Bb])/.exec(amount) ?? [];
  const [, length = '', part = ''] = /^([0-9]+)([mu]?)/.exec(interval) ?? [];
  const bits = unit === 'b' ? 8 : 1;
  const inSecond = Math.floor((Number(count) * (multiples[multiple] ?? 1)) / bits);
  const microseconds = Number(length) * (intervals[part] ?? 1e6);
  const bytes = Math.floor((inSecond * microseconds) / 1e6);
  if (bytes < 1 || bytes > MOST_RATE || microseconds > MOST_RATE) {
    unreadable(
      `"rate" comes to ${bytes} bytes in ${microseconds} microseconds`,
      `expected 1 to ${MOST_RATE} of either`,
    );
  }
  return { bytes, microseconds };
}
