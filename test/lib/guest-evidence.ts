import type { PcrValues } from 'node-tpm2-pts';
import { publicKey } from 'node-tpm2-pts';
import type { IdentityItem, MeasuredItem } from '../../measurement/events.ts';
import { guestLaunch, LAUNCH_PCRS } from '../../measurement/guest-launch.ts';
import { authorityOf, type NewAuthority } from '../../measurement/guest-tpm/authority.ts';
import {
  type CertifiedKeyKind,
  type GuestStatement,
  guestCertificate,
} from '../../measurement/guest-tpm/certificate.ts';
import type { GuestEvidence } from '../../measurement/guest-tpm/evidence.ts';
import { NONCE } from './evidence.ts';
import { imageItem } from './items.ts';
import { type AttestOverrides, SoftwareAk } from './software-ak.ts';

const configured = (name: string, domid: number) => ({
  ...{ name, domid, type: 'pv', vtpm: 'vtpm' },
  seclabel: 'system_u:system_r:guarded_t',
});

/** The part of a configuration that is about guests with vTPMs, by their names. */
export const GUESTS = { ledger: configured('ledger', 1), signer: configured('signer', 2) } as const;

/** What a platform measures of such a guest. */
export const guestItems = (name: keyof typeof GUESTS): MeasuredItem[] => [
  {
    ...{ event: 'domain', domain: name, domid: GUESTS[name].domid, type: 'pv' },
    ...{ seclabel: GUESTS[name].seclabel, capabilities: [], pcr: 14 },
  },
  imageItem(name, 'kernel', Buffer.from('a kernel')),
  imageItem(name, 'cmdline', Buffer.from(`domb.name=${name}`)),
];

/** The registers that a guest's TPM begins with. */
export function launchPcrs(name: keyof typeof GUESTS, uuid: string): PcrValues {
  const { domid } = GUESTS[name];
  const predictable: MeasuredItem[] = [
    { event: 'configuration', configuration: GUESTS[name] },
    ...guestItems(name).map((item): MeasuredItem => {
      if (item.event !== 'domain') return item;
      const { pcr: _, ...itself } = item;
      return itself;
    }),
  ];
  const identity: IdentityItem = { event: 'identity', domain: name, domid, uuid };
  return guestLaunch({ predictable, identity }, ['sha256']).pcrs;
}

export interface GuestTpmShape {
  name: keyof typeof GUESTS;
  uuid: string;
  authority: NewAuthority;
  ak?: SoftwareAk;
  pcrs?: PcrValues;
  kind?: CertifiedKeyKind;
  statement?: Partial<GuestStatement>;
  /** Whose key the certificate is about; that of `ak` when left out. */
  certified?: SoftwareAk;
  overrides?: AttestOverrides;
}

/** Evidence that a guest's TPM would give, or what somebody makes up. */
export function guestEvidence({
  name,
  uuid,
  authority,
  ak = new SoftwareAk(),
  pcrs = launchPcrs(name, uuid),
  kind = 'ak',
  statement = {},
  certified = ak,
  overrides = { nonce: NONCE },
}: GuestTpmShape): GuestEvidence {
  const values = launchPcrs(name, uuid).get('sha256');
  const launch = Object.values(LAUNCH_PCRS).map(
    (pcr) => [pcr, values?.get(pcr)?.toString('hex')] as [number, string],
  );
  const guest = {
    ...{ domain: name, domid: GUESTS[name].domid, uuid },
    launch: { sha256: Object.fromEntries(launch) },
    ...statement,
  };
  const key = publicKey(certified.area).export({ type: 'spki', format: 'der' });
  const tpm = { manufacturer: 0x49424d00, model: 'SW   TPM', version: 1 };
  return {
    ...{ ak: ak.publicArea, pcrs, quote: ak.quote(pcrs, overrides) },
    akCertificate: guestCertificate(
      { kind, publicKey: key, guest, tpm },
      authorityOf({ ...authority, privateKey: Buffer.from(authority.privateKey) }),
    ),
  };
}
