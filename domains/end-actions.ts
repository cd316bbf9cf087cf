/** What becomes of a domain that has stopped: it is destroyed, stays for somebody to look into it, or is built again by dom0. */
export type EndAction = 'destroy' | 'preserve' | 'restart';

/** Where a manifest says nothing, as in xl.cfg where that can be. */
export const USUAL_END: EndAction = 'destroy';

/** What building a domain again takes beside what else is known of it. */
export interface BuildingPlan {
  /** As the manifest names it. */
  kernel: string;
  /** The segments of its ramdisk, named so, in their order. */
  ramdisk: readonly string[];
  cmdline: string;
  /** Physical CPUs that it may run on. Without it: all. */
  cpus?: readonly number[];
  /** Where one is absent, the hypervisor's own holds. */
  limits: { grantFrames?: number; maptrackFrames?: number; eventChannels?: number };
  nestedHvm: boolean;
  msrRelaxed: boolean;
  /** Whether the manifest gives it its UUID, which every instance has then. */
  uuidFixed: boolean;
}

/** Types of our policy whose domains dom0 may not build: what they hold is not dom0's to see. */
const UNBUILDABLE = /:(?:guarded_t|driver_t|vtpm_t)$/;

/** Whether our policy keeps dom0 from building a domain with this label, whatever another policy would. */
export const isKeptFromDom0 = (seclabel: string): boolean => UNBUILDABLE.test(seclabel);
