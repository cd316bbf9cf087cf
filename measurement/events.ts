/**
 * What is measured: a closed set of descriptions. Their canonical JSON, with the sequence number added, is what stands in
 * the log and what is hashed into the PCR; docs/measurement-log.md describes them for verifiers.
 */

/** Hash algorithms for the content of images and files, independent of the TPM's PCR banks. */
export type ContentAlgorithm = 'sha256' | 'sha384' | 'sha512';

/** Lower-case hex digests of one content; at least one. */
export type ContentDigests = Readonly<Partial<Record<ContentAlgorithm, string>>>;

/** What is said about content: enough to recognize it, not to have it. */
export interface ContentDescription {
  /** Bytes. */
  readonly size: number;
  readonly digests: ContentDigests;
}

/** The manifest as it was read, before anything looked into it. */
export interface ManifestItem extends ContentDescription {
  readonly event: 'manifest';
}

/** The effective configuration: all defaults applied, without what differs at each boot. */
export interface ConfigurationItem {
  readonly event: 'configuration';
  /** Any JSON value whose numbers are safe integers. */
  readonly configuration: unknown;
}

/** What a domain is started from: two files and a text. */
export type ImageComponent = 'kernel' | 'ramdisk' | 'cmdline';

/** One piece of what a domain is built from, exactly as it is given to the domain builder. */
export interface ImageItem extends ContentDescription {
  readonly event: 'image';
  /** The domain's name. */
  readonly domain: string;
  /** `cmdline` is the kernel command line in UTF-8, without a terminating zero. */
  readonly component: ImageComponent;
  /** Which segment of a ramdisk that has several, from 0. */
  readonly segment?: number;
}

/** The identity and rights that a domain is created with. */
export interface DomainItem {
  readonly event: 'domain';
  readonly domain: string;
  readonly domid: number;
  readonly type: 'pv' | 'pvh' | 'hvm';
  /** The XSM label, for example `system_u:system_r:domU_t`. */
  readonly seclabel: string;
  readonly capabilities: readonly string[];
  /** A domain that is started only when the boot fails. */
  readonly role?: 'recovery';
  /** The register that its images go into, where that is not the log's first one. */
  readonly pcr?: number;
  /** What of it is not measured at all; left out when that is nothing. */
  readonly unmeasured?: readonly ImageComponent[];
}

/** The program that measures. */
export interface DaemonItem {
  readonly event: 'daemon';
  readonly version: string;
}

/** The FLASK policy that domB has loaded into Xen. */
export interface PolicyItem {
  readonly event: 'policy';
  /** Bytes. */
  readonly size: number;
  readonly digests: ContentDigests;
}

/** The public key that the manifest's signature was verified with. */
export interface SignatureKeyItem {
  readonly event: 'signature-key';
  /** Of the key as DER, SubjectPublicKeyInfo. */
  readonly digests: ContentDigests;
}

/** The hypervisor under which this boot's domains run, as it tells of itself. */
export interface HypervisorItem {
  readonly event: 'hypervisor';
  /** As Xen tells it, all of it. */
  readonly version: string;
  /** Its own command line. */
  readonly commandLine: string;
  /**
   * `confined`: since before domB ran, no device could reach memory that is not that of the domain which has it, and those of
   * the hardware domain can't either. `open`: devices may have reached all memory.
   */
  readonly dma: 'confined' | 'open';
}

/** The UUID that a domain has in this boot. */
export interface IdentityItem {
  readonly event: 'identity';
  readonly domain: string;
  readonly domid: number;
  readonly uuid: string;
}

/** Who vouches, in this boot, for the TPMs that a domain serves: that domain alone has the private half. */
export interface VtpmAuthorityItem {
  readonly event: 'vtpm-authority';
  /** The domain that serves. */
  readonly domain: string;
  /** SubjectPublicKeyInfo (RFC 5280, 4.1.2.7), DER in hex. */
  readonly publicKey: string;
}

/** Why a boot has no key that quotes it. */
export type MissingKey = 'authorization' | 'disabled' | 'lockout';

/** The key that quotes this boot, or why there is none: then nobody has quoted it. */
export type AttestationKeyItem = {
  readonly event: 'attestation-key';
} & (
  | {
      /** The TPM's Name of the key in hex: algorithm and digest of its public area (Part 1, 16). */
      readonly name: string;
      readonly missing?: never;
    }
  | { readonly missing: MissingKey; readonly name?: never }
);

/** A boot script, measured before the first one runs. */
export interface ScriptItem extends ContentDescription {
  readonly event: 'script';
  /** The script's name. */
  readonly script: string;
  /** The point of the boot at which it runs. */
  readonly at: 'before_planning' | 'after_create' | 'before_start' | 'after_start';
}

/** Something that a boot script changed; it may depend on the machine. */
export interface ScriptActionItem {
  readonly event: 'script-action';
  readonly script: string;
  /** The call of the script API, such as `configure`. */
  readonly action: string;
  /** What it was called with: a list of JSON values whose numbers are safe integers. */
  readonly arguments: readonly unknown[];
}

/** Something about the machine that a boot script has read, and may have decided upon. */
export interface MachineFactItem {
  readonly event: 'machine-fact';
  /** The script that read it first. */
  readonly script: string;
  /** The member of `boot.host`, such as `smbios`. */
  readonly fact: string;
  /** What the script got: a JSON value whose numbers are safe integers; null where the machine does not tell. */
  readonly value: unknown;
}

/**
 * What a domain has, read from Xen once all domains are built: the boot goes on only if it is what the manifest, as scripts
 * have changed it, says.
 */
export interface ReadBackItem {
  readonly event: 'read-back';
  /** Left out for the boot domain itself. */
  readonly domain?: string;
  readonly domid: number;
  /** What Xen said: a JSON value whose numbers are safe integers. */
  readonly has: unknown;
  /** What this Xen can't be asked, and nobody compared. */
  readonly unread: readonly string[];
}

/** The boot failed; what follows in the log is the cap. */
export interface ErrorItem {
  readonly event: 'error';
  /** One line for people. */
  readonly what: string;
  /** The domain it is about, if any. */
  readonly domain?: string;
  /** The boot phase that failed, if any. */
  readonly phase?: string;
}

export type MeasuredItem =
  | ManifestItem
  | ConfigurationItem
  | ImageItem
  | DomainItem
  | ErrorItem
  | DaemonItem
  | PolicyItem
  | SignatureKeyItem
  | HypervisorItem
  | IdentityItem
  | VtpmAuthorityItem
  | ScriptItem
  | ScriptActionItem
  | MachineFactItem
  | ReadBackItem
  | AttestationKeyItem;
export type EventKind = MeasuredItem['event'];
/** An item at its place in its register; the first has sequence 0. */
export type MeasuredEvent = MeasuredItem & { readonly sequence: number };

/** Tags of EV_EVENT_TAG, chosen for this project: "dom" in ASCII, then the kind. A number is never used again. */
export const EVENT_TAGS: Readonly<Record<EventKind, number>> = {
  manifest: 0x646f6d01,
  configuration: 0x646f6d02,
  image: 0x646f6d03,
  domain: 0x646f6d04,
  error: 0x646f6d05,
  daemon: 0x646f6d06,
  policy: 0x646f6d07,
  'signature-key': 0x646f6d08,
  identity: 0x646f6d09,
  'attestation-key': 0x646f6d0a,
  script: 0x646f6d0b,
  'script-action': 0x646f6d0c,
  'machine-fact': 0x646f6d0d,
  hypervisor: 0x646f6d0e,
  'read-back': 0x646f6d0f,
  'vtpm-authority': 0x646f6d10,
};
