import type { Request } from 'express';

export const LANGUAGES = ['fr', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];

/** The page's language: `?lang=`, else what the browser asks for, else French. */
export function languageOf(request: Request): Language {
  const asked = [request.query.lang].flat()[0];
  return LANGUAGES.find((language) => language === asked) ?? acceptedLanguage(request) ?? 'fr';
}

const acceptedLanguage = (request: Request): Language | undefined => {
  // Without the header express answers with the first.
  const accepted = request.acceptsLanguages(...LANGUAGES);
  return accepted === false ? undefined : LANGUAGES.find((language) => language === accepted);
};

export interface Formats {
  number(value: number): string;
  /** A share in percent, two decimals; a dash for none. */
  percent(value: number | null): string;
  /** ISO 8601 in, day and time with the time zone out. */
  moment(iso: string): string;
  /** With seconds. */
  clock(iso: string): string;
}

/** How numbers and moments are written in Canadian French and English. */
export function formatsOf(language: Language, timeZone: string): Formats {
  const locale = `${language}-CA`;
  const number = new Intl.NumberFormat(locale);
  const percent = new Intl.NumberFormat(locale, {
    style: 'percent',
    minimumFractionDigits: 1,
    maximumFractionDigits: 2,
  });
  const moment = new Intl.DateTimeFormat(locale, {
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    timeZoneName: 'short',
    timeZone,
  });
  const clock = new Intl.DateTimeFormat(locale, {
    day: 'numeric',
    month: 'long',
    hour: 'numeric',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
    timeZone,
  });
  return {
    number: (value) => number.format(value),
    percent: (value) => (value === null ? '–' : percent.format(value / 100)),
    moment: (iso) => moment.format(new Date(iso)),
    clock: (iso) => clock.format(new Date(iso)),
  };
}
