import type { RequestHandler } from 'express';
import helmet from 'helmet';

export interface PageSources {
  /** Where scripts, styles, images and requests may come from; nowhere unless it is said here. */
  script?: string[];
  style?: string[];
  img?: string[];
  connect?: string[];
  formAction?: string[];
}

/**
 * Security headers of a page for people. The Content-Security-Policy starts from `default-src 'none'`: what
 * a page needs is named, so that a slip in escaping has nothing to run or to load from.
 */
export function pageSecurity(sources: PageSources = {}): RequestHandler {
  const none = ["'none'"];
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: none,
        scriptSrc: sources.script ?? none,
        styleSrc: sources.style ?? none,
        imgSrc: sources.img ?? none,
        connectSrc: sources.connect ?? none,
        formAction: sources.formAction ?? none,
        baseUri: none,
        frameAncestors: none,
      },
    },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
    // Of this host only: its subdomains are not ours to decide on.
    strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: false },
    crossOriginEmbedderPolicy: false,
  });
}
