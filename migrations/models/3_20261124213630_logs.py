from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        CREATE TABLE IF NOT EXISTS "deployment_logs" (
    "deployment_id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "position" BIGINT NOT NULL
);
COMMENT ON TABLE "deployment_logs" IS 'How many lines the tasks of a deployment have printed together: the head of their order.';
        CREATE TABLE IF NOT EXISTS "log_chunks" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "deployment_id" VARCHAR(30) NOT NULL,
    "position" BIGINT NOT NULL,
    "task_id" VARCHAR(30) NOT NULL,
    "last_number" BIGINT NOT NULL,
    "lines" INT NOT NULL,
    CONSTRAINT "uid_log_chunks_deploym_2d78b7" UNIQUE ("deployment_id", "position")
);
COMMENT ON TABLE "log_chunks" IS 'Lines that a task wrote at once: which ones, and that they end at `position` in the order of its deployment.';
        ALTER TABLE "tasks" ADD "logs_truncated" BOOL NOT NULL DEFAULT False;
        ALTER TABLE "tasks" ADD "log_bytes" BIGINT NOT NULL DEFAULT 0;
        INSERT INTO "log_chunks" ("deployment_id", "position", "task_id", "last_number", "lines")
    SELECT "deployment_id", sum("last_log") OVER (PARTITION BY "deployment_id" ORDER BY "started_at", "id"), "id",
    "last_log", "last_log" FROM "tasks" WHERE "last_log" > 0;
        INSERT INTO "deployment_logs" ("deployment_id", "position")
    SELECT "deployment_id", sum("last_log") FROM "tasks" GROUP BY "deployment_id" HAVING sum("last_log") > 0;"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        ALTER TABLE "tasks" DROP COLUMN "logs_truncated";
        ALTER TABLE "tasks" DROP COLUMN "log_bytes";
        DROP TABLE IF EXISTS "deployment_logs";
        DROP TABLE IF EXISTS "log_chunks";"""


MODELS_STATE = (
    "eJztXWtz2ziW/Ssof5lslSaV+JXe9Cc77e72bhJPJZ7J1KSmGIiCJI4ogg2SdjSz+e8LgK"
    "T4AmmAekH0reqHTeJS1AF8ce7FffznZEknxI9eXrkxZSdv0X9OArwk/IfqjRE6wWFYXBYX"
    "Yjz25UgshshLeBzFjP/Kr06xHxF+aUIil3lh7NFAjL1CIWERDRBlCKOIsAfPJQi7Lk2C+K"
    "V4xoS6/CFeMNMbngTeHwlxYjoj8ZyIr/D1n/yyF0zIdxLlv4YLZ+oRf1L5ht5EPEBed+JV"
    "KK+9m2P2qxwpXmXsuNRPlkExOlzFcxqsh/M3FVdnJCAMx2RS+uJB4vsZQvml9F35hZglZP"
    "2Sk+LChExx4gv4hHT6BsW1E8f5eHfvfL65d5yTBrS5RAm+7JJLAzEtXhBH8vsv8XfHJ8Es"
    "nvNfz179SD+nwCEdJT7wb1ef3v1+9enF2av/Eh9I+dymU/4xu3Mqb/2Qj8AxTh8iUS9gXv"
    "CvaQJ0Pn47UOcXCqyLlbl3sE91wD5tB/s0A7sAV/7fANx8/ODW8etXOtjyUa3gyntVdMkS"
    "e74JvGuBXvhm6Fm6di/OdRbvxXn76hX3qgC7jAg4HBw3Uf6F34m9JVEjXZWswT3JRF/mPx"
    "yh5ugA+/72w83n+6sPfxGPX0bRH77E6+r+Rtw5lVdXtasvLmvzsn4I+nJ7/zsSv6J/3H28"
    "kXDSKJ4x+YnFuPt/nIh3wklMnYA+OnhSxiS/nF/6Ibbd6aK0I4gLY+wuHjGbOI079JS2jW"
    "3eWp4u61dwgGdykgSa4j1z/hJ693RBAiW3ye9105vQ4/SCD9OmOGOCGWFICv2MaOCvEOcm"
    "6PPvV38+vbhEdIq8OOJshq/hGHkRWpBQyX16P+dpUvQ1ZW0OZzX/BIJ0WIJ02D3cqk1mJ7"
    "t4yMjU+26CcCExQIy3T0JTDeTMcTQ3QbkmNjjNcalDmC7b+dJlgy5FLhXPaGD8P5/vPrZg"
    "vJaoUyTPjdH/Id+L4iNc0R3ACiwqvCgH9MWHq7/XsX73/u66TnjEA66Bpz4Xnlqx976HHn"
    "9cj2muSm5hmi2zBYc0yz6OYieJev0512Vhpm2eaUYeuO3UZ56rkjDLNs/y2pI14J5lmQFy"
    "/O0YrQ0XTg3zJuC/Uka8WfC/ZCVhv+WviANXZa3Wj5eODO4f+YLKrxZ/4gw/rn0plXXGvz"
    "3/ziSW3/8TX/afbt/dn/w4lF8s9D0XZ99b4Rorbo+6vWPrgZr+sS9zHCMXB2hM0ISEPl2R"
    "SdP71ToKDvxsUA0ja/1ZFkF9eabjADhrdwCc1R0A5ddqIHxPvsdqhGtig9jwuhjMzd/vu1"
    "0AawLz/u7jb/nwul/gR41Lct7icW2+chKmOBRsR78pOYTTwX3jP048X6G/211fa4GNPF/H"
    "g/pOHF8xiRS2Uzvo+XjAvD/m0Zz4CgXT4eTNBQD1/qgvkjFhAWfnRv71qhTg3x//OcF+PH"
    "fcOXEXJjNQl4M56D8HmLlz76GXw6wmCh4zmz1mcJw12Gm2JuwqZPQB+ydq31J6b/SEY0mO"
    "0vQqfaZLEs/5zKJYeI5CQkOfIMz4v9GCTNCUsrcIZ66kJQniEf8t5vdGWWx5TEIRUYURo7"
    "5PE0VA1m4+QidWq3ikDNgaoa/cZsRxIrEpHT1CKNeBXV9itg1PIkoiQ3AL7AbxknGUjP9F"
    "XMW+1RFnVIgMwvO163CuTDs5Ql81cb4N2txcNbEa1uKM5PhW80y8xJ9PX5+/Of/p7PL8Jz"
    "5Evuf6ypsO9G8/3jeciA9epHTetsNaEukFqXXLd8uYFjuhtkJYS4A+0NEH5I+EMwxO+suU"
    "THv5qoRhISsWcooQYQ7XpGZeqKYkRHtu4gbhG9mjExF/ul61zdm4phxrHLRMiPoJtVkZ80"
    "cMazqu7+7eV6bj+rZ+tPPXD9c3n168lnPDB3lpOETzr0Hg5C0JZxQmqr0qBepdU72TqJ87"
    "qC4LDiHrHEIQ3/zcZnlCXG/S68+5KgmzbPcsl32CBltkQ3CAu+TO418LEJvQGwfB/lJ52J"
    "EBrxsJ21h2toXDSpb+C9eAUXtMbHXMSOf8wplkw03CY2lA8so3mU4eIRxM0ON81RIq+5SE"
    "4pjha/GO6YxUU8L7RtRee7NWb4BS4Sis/2wB2XuukJr+/316enb25vTV2eVPF+dv3lz89G"
    "rtA2je6nIGXN/+JiygijbKTaL20wZu8QvD3kT5l0QGqPZf62WPdySPNwqU0KVaybeHe5ZE"
    "BgHxvgM9e8SegO1pP1+FLK09nI7WNnRtnKtiAHWPhLhWR7F5TlzpUUcGunZaXHXBtZgCDf"
    "WxDXAh4fBAFhaLvWlq+TQtq/zeqNOiykaZGFIYccYrrC80p/wtRfiVsJRKWYst9pSmoNKs"
    "yiRzq6oQAdvqaGwrmbJlFqlRFoEDbsWRnrfkqsHElFoLDCEybu92VFXvmNHBmiQwQg3yXV"
    "X7Bh6ZCIDehHpnCG6BHP6teNKRQa5LD6urTYd3VwtBbG7alJ82UJCb+tMuJp5MvPgmiNnq"
    "RMXFi7vdbFyMcwgf6BFNRn7HCbQ7x8GMvEWPczri/8Gx+C8JRmjK6FL8yEh+cMFZ+COO0J"
    "hMqcix4NfwNCbsJbpJP1SmXsiquIQva4QnE1UhkX19qE4eR4wZv7vO4YASvLbkbYDPGXzO"
    "4HPu6XN21eSgE+IhVaKpFf3RAfiyHeDLBsDFrmGAcUVogDBvfx2nW34T444KM2sJKDqwQb"
    "S94FcmsK8FAPX+qDOCI7MiYoUEeOPMvXERTZhLHE+RUdmRqFYWGgLqVR1+fqGhw88vWnW4"
    "uKXwDB3Gqi4FcSqs6mqIZ7tVXURJanebyc+p+D+iHcwjXqGYcssVkeDBYzQQD1N1l9GW07"
    "FsSzIZ58iSLMvFCuTPJQ+U/D2vKDJerS8l4SQvMgKW8YEtY8iu3XH6Vcio2KdNcmrLInDQ"
    "qEwJF19+tjJhlWUZyJ7dgFkuk4jvAYFD2cSM1zcEYRo2mIYQizYVTfw785YLoQOnKqvZzj"
    "bA3mKKMueCCfb75ogrpAH0p0GfMkL+TRxR7oB5E+KYG7LtTxiCibVvwzYmy9Dn6Dj9wh9a"
    "xIcwE7t2WPLlS5mz5ETQMKyqITgEtPefpiKWruLcsJW2lySAtUNxrL1gKvuVkQdlCltXMH"
    "FVbkjQ7iWuuFpMTzgYHTo12RZrYkNQ0LveDqGoca+98dhiOkrOYcNprkrCNFs9zRzQpNcs"
    "VwShhI3NcxzFmPX7U65KwizbPMv8UcmyZ3W5siTMss2z7NJlKALce/GvmizMtNUzXTmwN7"
    "BpGoIDPB/egZevEVmhi3dTEgCHND5I47MY8p2l8ZV0wRYAvqk+baAgN/WnBtDFJrcFnIde"
    "rKTBCKzKkyxiNp9olq4eONKL83TMO6hfBeU6JGlLqUrXqTyTkcn+6TKTUYR4pmNkSyp+eY"
    "YVtU+2+2hldZRGIdAnCqR8VQ6AkilQMsVCzbft8zv+gl7Qgmp7JF1VCsLoNgmjE0fMNIl6"
    "hre0iMN53tN22Bq63pXO258A+BvgH3kZSTXx6TWlwatns1cPqkXt+c8L+jdA/wYbgNe11X"
    "X7N0DxqM1wtrx4VLHWbx6ezHW9eTBIeE3DDQ1KScnxdRfFnyI0JaL5RZAsx4SJttyixtNr"
    "9OjxNZWIwq4zHKrLRG36QD13R/ocqAN7HE4N2Kb3yoqyPw6jBV/IDMmFtOc4ZaiANkyz7h"
    "AV0Cwz03etsyQ4Bvjm4we4IZzrgHveDu55syoXnRil8efjwelt6PS2rozOezo76bQuxABd"
    "28KnM03L4nf6iPjbrfhaCUiEOJGXp5pR3S5Ac/xAUMjnjS8jlHP+t1JgTvBEjOc/ewzJeg"
    "ZNi2OXH/R0yZ5Wc8M2wvusqu20H6F2EeChnqLugQJbovXKAVUKnVeLt2rXeKWQJe0uOUSG"
    "cCAvD+KQSkbVFad94AbqBsp47UWxyP8bAJ2PHxzUl2caUF+etZfnPaszVIaDRRPa9pT1bP"
    "iQFPXWwl1oKL69qtFb+1ItywzQpNp+xblFMiYsIDFR1JxrN6yqUlB6t39I0SNlC8KcMKvu"
    "pLvOa2IDXOrb183i8fwj3YQxYZfUqqtqauzuh4AeV3mT8/6eIfU918iBoxAFZdNf2UBVjD"
    "5TcRR+fkts119lOb0vfBLluzWM18r9UZf1mhXme5RD9e3XAAW07C8T/rNKFWskywVEL9E3"
    "RlIt7pJvwo7lwz79+g5dXJxfIJb45GcklnKEGAn52kdegL6JC/+mAfmmtIj3+NE9qnBD8e"
    "xnbXUfmlNUwH79SgdtPqoVbnnvwE0sbMO4awvbSRcLqc36FmyJgEvYyiWqucKTPlNcEoMJ"
    "tnqCCypipjrLUkMIDNm39swJnQklKMsMYsuquXzOdVw+5+0un3MoA/ksdRiUxTlsAg0UFN"
    "lhQZHDOHJ+Y1gdfpDeGHW5bmZiiHbLMkZ9kvlKZLDpSDQhqzpORvJmkQszQmMaz/lAJhtv"
    "81XEZ0TV1myrz9ZxuvTs4g0pHOLePlI4xIow2SDy8QPcFrZ/mAx061nQLeikvodEgoPn4F"
    "tmnw++tOYzwLvDhMCuMtILquTVM8JLetTyUo+WLeitG2a2FDc4Upwtr21wOyHLkMYkcFd8"
    "4k4UlnBtxKjLJPaKsc6CrLTjGbAoKbBM4rQCIw6ix7TqALdOMeIPSjN/vEmUJf4gOv4Xce"
    "NIxOYzEicsIBNVsMLWnqssc1BWUvxhUN7gOGxj4PV74JkLooiAbMc3Gz5AaE+1gkBOO4JA"
    "TptBILlKM4G4LDNAnC91YL5sR/myAfKUfzhhMgnVBOea2BCh3voBpuh64ytQbg+ZLiQg6/"
    "3ZhErvk6scuyfTkkjp93T2bp4EixOFZbG+12lT+HTmuGKYpjXxPistILm/LM7+yLhJgvjv"
    "lJujb9Hj3HPn/GcSpbXd5VDO6leI8N/4z9/y5PJvIiZZmgWiyoCwEYq678Jwbpoc+/5wvf"
    "Jr62R5sFCOwkKxrR6FVexjB1WfoQLFvtd+KUCQK0nDVV4SgfWtsb5lY/M+VQZrgrDKe69y"
    "We+oCX478vn4IWG+UaqtJXz2E/EJjoiKzua3OtksSweZeMZZEkSIU/sWB3fltpIPNo96oP"
    "3QMamRdqLIcTUrHLIWGN7Z/Wu9ZLuOXLv6vtmrCcg2e3/YpseP3SdiVeCRbZMLzT8GBffB"
    "A72eG+DQQxmycg4N/WCDv44VaO3oL4Um2QLI0BW8AS50wdpVF6wDOWSo74snnag8Mvm9Ua"
    "dLJhul65OhbJEd2+EFieqNk8qtrZF4rMJt0+cJOml51ZkCp42dThuuVOJE4QxuJ4mFxAAJ"
    "4vbz84Tdv+R/P65ilVPqExy0GPZluRrS46wE6ZFB3bV47+7eV5w117f1eh5//XB98+nFaw"
    "k9H+TFLacbUJOqHeadVFVhhH/tSIRfjY3CbOtyw/MCb9+ul2W8eoXIVSXBH2y1P9ily1Bw"
    "2l6xkDVZaPtt80wTxihzliSKuEVhsmk1BIegPve9dcExAPQAtwH4YXg/Pj8SEp4oXB/pjV"
    "GX3yMSQ0xKTotg5LQjQ4REaBjiTwjjEYpo6s2gAcnyKJdoQonMokwDocXm13SDbOeZ0IjJ"
    "Dvu7I+ES+uwOhUdZEoV3jyOlw1de71R6st2kns67ShM4aq0p/xRJfTX1VQF5eiJ6SRuqjP"
    "KvJzJ60EmC2POh1v2ha91DkvMuk5yhk8Bu8ZUAGeCbjx8kvts+g4BDnh0DLLMim/i2nmGu"
    "x0NGheIEZ+xTd6E8TOhoO1+SgST8TZLw6ZIzXQVla8e+JAKd4vojH+KVT7ER8iURWPQbQH"
    "+wkh/PfMnD6cchTz+E24omsRMR/iITk4xQhSQwGQWTEbQTxzFZhsYNb8tigK0yzuePxGNE"
    "HJpMPbZswtsZXqWQPnCQldrxZ1lwVQaXcaxPXW4I6nrXsT4FZn2CQKqyEARi2+GFXs2XDu"
    "rfXvEFKKgBBc32WYPduSQBG7Nij5hiz0+YUYWRsghgqirZQqPIrGbLWgDwVOCJ3dh78GIj"
    "DlOWGR5/2X7FijSSxgThQmKI+O6g/3b5AN6QIdZEgSDaTBCFt3FJetgBFUGYY7vnOGarXl"
    "NcyMEM2zzDMU3cOVGlu3Z5qkpSkAao76mKYhoaIp2LAMwG2ZbU92lidnRWiIDjor/jwqJU"
    "wOOZiaPbMyAT8LnMtKxv7NOZYtN6qipyJjUkT8++SyLTmTNexSoXWyf6ZbHDwv/qCCGPHK"
    "5PAleiY0bVmsJwevs0WTt4mVHLtg+oMnr0cEN68QHSi20pxGiZOtGF2fIuvCJv8So7425J"
    "a7wqjsC7sxsrYWxPZzneBaI7lZRI8xbFM5qZje3DlNmMpRYtWf8QaD1lESVsT2lsaxPTCv"
    "8w28Mc96m3daDuulEDJNvtNtkO4gp2HldgkW/ZttU9JJcjOJefy0xDotUhE63Idy/mmE4U"
    "yLdS2YpMLzZrGejbJrPQq3PfDrU4K2i0oY8nr4t0ZGDrendKi8w6t857Ojtpcem8T88Qn3"
    "DniHMXfVcOH41E89ARSg1zMkFTRpfoNXr04rkXyCbi7S4eM3Fw/QzJ9QPafeenU32aMA/T"
    "wbbnk28oQTlIG8snD0SRhtGusNYCA1RXFxra6qJVWV3UdVUPy3VTm9U2fPdttEJi7IA6xd"
    "/zifE58nkPPpURUBvSbQxkg52s5Z2BUZBJZAe32XN+FqW0A64PGXLnOJiRSG0SmAirDYL8"
    "xbdnFEAt263XsoWD3+36ylxGcE83f0USGKjVDDSgsRFFyscDP+rBj0LM+E8x35CakHdVbC"
    "xLQdHGDRKg1tXzdbFfCwDsmxTMSTh4zDR+vCw0CHWza+9cjahqO0GrYgB1j2OuDMItHHV9"
    "yTpt3JceeWTgax97VReeTuS41AlbQPnKjekxrmvtePGy8rTqTLHDnaDlRjDzHnwRPbi8KG"
    "tmQyaqLl6KEdCTywaFO+oy9y1rrnI4rHcSzSnq83sKy7+rXGsuMYRwr31ADA6W5+BgySdr"
    "vDKk5Q1BIObmxLwAEUjjk6SxseKsIo5f0owMBW/8ss7VaKeNWY9WPdZ4lbV0RSGjLomitJ"
    "VrhL2JODbyvQfVWZOuEHBLazbjdnoZZrUgdLHOxw+PXl6eaaB9edYKtrgFmULPkPhEhAR9"
    "5rgQgwm2boItiU3JnaSfyIPX5k1qjHmSH4jRDsuGa1OFXKCrazL6Jg+SvglHk/gq6HHu+U"
    "TwAi+SLeTdhDEuI9rFv5UX5HjZNj4iPqcOKCa+ryId+/54vebPEDlvXzQxxM7srWgCRGsP"
    "ZcOrMJpkucRM4UloD5cpiQzCfbPviJkDBWxY5o2GeI3B+Cqh1t9e4e5wDUOtv73U+oOIDT"
    "1w7Y3YaEQkdRjb5aglDWM7jwDSNrbFx07QjOFwjmKKlnhBSjZvJJO9VVaythx4521Q26Mu"
    "Y/WgkR8WQb2TqITymzVAbrdzamKD4CN7z55k7tx76HUwUhOFwlo2uxEg8Gew02zJ8cgVYZ"
    "47V/G07E4nO8PFmKcYWfvEbplHPZeDgA1d0O2s6aGIrdYlTiWRQezntSKzFzr1Jvio9jKz"
    "F42aE+KPygDhbPgA0d1RUHIQK9017e7gkghk8Bl6hA+6mf34f4JTdT0="
)
