/** A domain of the boot in test/boot/hostile.test.ts. */
export interface Member {
  domid: number;
  /** Of its label, and of what it is to itself. */
  type: string;
  self: string;
  /** Of its event channels. */
  channel: string;
  kind: 'pv' | 'pvh';
}

const member = (domid: number, type: string, kind: Member['kind']): Member => ({
  ...{ domid, type, kind, channel: `${type}_channel` },
  // dom0_t is a singleton: it is to itself what it is to others (declare_singleton_domain in Xen's policy).
  self: type === 'dom0_t' ? type : `${type}_self`,
});

/** Who is there. Each but the victim is hostile in its turn. */
export const cast = {
  dom0: member(0, 'dom0_t', 'pv'),
  vtpm: member(0x7fe0, 'vtpm_t', 'pv'),
  guest: member(1, 'domU_t', 'pv'),
  driver: member(2, 'driver_t', 'pv'),
  victim: member(3, 'domU_t', 'pvh'),
  guarded: member(4, 'guarded_t', 'pvh'),
} as const;

export type Name = keyof typeof cast;
export type Hostile = Exclude<Name, 'victim'>;
export const hostile: readonly Hostile[] = ['guest', 'guarded', 'driver', 'vtpm', 'dom0'];

/** Whom each attacks: all others, but dom0 builds and runs ordinary guests itself. */
export const targetsOf = (who: Hostile): readonly Name[] =>
  (Object.keys(cast) as Name[]).filter(
    (name) => name !== who && !(who === 'dom0' && cast[name].type === 'domU_t'),
  );
