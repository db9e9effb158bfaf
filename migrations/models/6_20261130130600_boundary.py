from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


LINK = """encode(sha256(convert_to({before} || ' ' || jsonb_build_array({row}.number, {row}.id,
                to_char({row}.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), {row}.actor_id, {row}.action,
                {row}.target_id, {row}.before, {row}.after, {row}.reason, {row}.source_ip)::text, 'UTF8')), 'hex')"""
CHAIN = LINK.format(before="last", row="entry")
NEXT = LINK.format(before="last", row="NEW")


async def upgrade(db: BaseDBAsyncClient) -> str:
    return f"""
        ALTER TABLE "audit_entries" DISABLE TRIGGER "keep_audit_entries";
        ALTER TABLE "audit_entries" ADD "hash" VARCHAR(64);
        ALTER TABLE "audit_entries" ADD "number" BIGINT UNIQUE;
        UPDATE "audit_entries" SET "number" = counted.place FROM
            (SELECT "id", row_number() OVER (ORDER BY "at", "id") AS place FROM "audit_entries") AS counted
            WHERE "audit_entries"."id" = counted."id";
        DO $do$ DECLARE entry "audit_entries"; last text := repeat('0', 64);
        BEGIN
            FOR entry IN SELECT * FROM "audit_entries" ORDER BY "number" LOOP
                last := {CHAIN};
                UPDATE "audit_entries" SET "hash" = last WHERE "id" = entry.id;
            END LOOP;
            EXECUTE format($make$
                CREATE FUNCTION "chain_audit_entry"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
                SET search_path = pg_catalog, %I, pg_temp AS $body$
                DECLARE last text;
                BEGIN
                    PERFORM pg_advisory_xact_lock(73051427136885);
                    SELECT "number", "hash" INTO NEW.number, last FROM "audit_entries" ORDER BY "number" DESC LIMIT 1;
                    NEW.number := coalesce(NEW.number, 0) + 1;
                    last := coalesce(last, repeat('0', 64));
                    NEW.hash := {NEXT.replace("%", "%%")};
                    RETURN NEW;
                END $body$ $make$, current_schema());
        END $do$;
        REVOKE ALL ON FUNCTION "chain_audit_entry"() FROM PUBLIC;
        ALTER TABLE "audit_entries" ALTER COLUMN "hash" SET NOT NULL;
        ALTER TABLE "audit_entries" ALTER COLUMN "number" SET NOT NULL;
        ALTER TABLE "audit_entries" ENABLE TRIGGER "keep_audit_entries";
        CREATE TRIGGER "chain_audit_entry" BEFORE INSERT ON "audit_entries"
            FOR EACH ROW EXECUTE FUNCTION "chain_audit_entry"();"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        DROP TRIGGER IF EXISTS "chain_audit_entry" ON "audit_entries";
        DROP FUNCTION IF EXISTS "chain_audit_entry";
        ALTER TABLE "audit_entries" DROP COLUMN "hash";
        ALTER TABLE "audit_entries" DROP COLUMN "number";"""


MODELS_STATE = (
    "eJztXWtz2ziW/Ssof5neKk0q8Su96U922t3t3SSeSjyTqUlPMRAJSRxTBBskrWhm898X4E"
    "N8gTRAURJE36p+2CQuRR3AF/ce3Md/TpbUIV744sqOKDt5g/5z4uMl4T9Ub0zQCQ6C4rK4"
    "EOGpl4zEYkhyCU/DiPFf+dUZ9kLCLzkktJkbRC71xdgrFBAWUh9RhjAKCXt0bYKwbdPYj1"
    "6IZzjU5g9x/bna8Nh3/4iJFdE5iRZEfIUv/+SXXd8h30iY/xo8WDOXeE7lG7qOeEBy3YrW"
    "QXLt7QKzX5KR4lWmlk29eOkXo4N1tKD+Zjh/U3F1TnzCcESc0hf3Y8/LEMovpe/KL0QsJp"
    "uXdIoLDpnh2BPwCen0DYprJ5b14e7e+nRzb1knDWhziRJ82SWb+mJaXD8Kk++/xN8sj/jz"
    "aMF/PXv5Pf2cAod0lPjAv119fPvb1ccfzl7+l/hAyuc2nfIP2Z3T5Nb35BE4wulDEtQLmB"
    "/419QBOh8/DNT5hQLrYmXuHexTFbBP28E+zcAuwE3+rwFuPn506/jVSxVs+ahWcJN7VXTJ"
    "ErueDrwbgV74ZugZunYvzlUW78V5++oV96oA24wIOCwcNVH+md+J3CWRI12VrMHtZKIv8h"
    "+OUHN0gH1/+/7m0/3V+7+Ixy/D8A8vwevq/kbcOU2urmtXf7iszcvmIejz7f1vSPyK/nH3"
    "4SaBk4bRnCWfWIy7/8eJeCccR9Ty6crCThmT/HJ+6bvYdmcPpR1BXJhi+2GFmWM17tBT2j"
    "a2eWt5uqxfwT6eJ5Mk0BTvmdsvgXtPH4gvtW3ye93mTeBy84IPUzZxpgQzwlAi9BOivrdG"
    "3DZBn367+vPpxSWiM+RGIbdm+BqOkBuiBxJIbZ/ez3naKPqSWm0Wt2r+CQbSYQ2kw+7hRm"
    "0yO9nFA0Zm7jcdhAuJEWI8vBGaaiBrgcOFDso1sdFpjksVg+my3V66bJhLoU3FMxoY/8+n"
    "uw8tGG8k6iaSa0fo/5DnhtERrugOYAUWFbsoB/SH91d/r2P99t3ddd3gEQ+4Bjv1udipFX"
    "/vW+Dyx/WY5qrkANNsmC84pln2cBhZcdjrz7kuCzNt8kwz8sh9pz7zXJWEWTZ5ljeerIbt"
    "WZYZoY0/jNPaoHBqmDcB/4Uy4s79/yXrBPZb/orYt2Xeav146cjg/p4vqPxq8SfO8GrDpV"
    "TWGf/2/DuTKPn+H/my/3j79v7k+6F4scBzbZx9bwk1VtyedLNjm4GK/NjnBY6QjX00Jcgh"
    "gUfXxGmyX62j4MDPBNUwMZbPMgjqyzMVAuCsnQA4qxMA5ddqIHxPvkVyhGtio9jwuiyYm7"
    "/fd1MAGwPm3d2HX/PhdV7ge82W5HaLy7X52oqZ5FCwHf2m5BhOB/eN/zR2PYn+bqe+NgJb"
    "MV/Hg/pOiK+IhBLfqR30fDxg3h/zcEE8iYLpIHlzAUC9P+oP8ZQwn1vnWvx6VQrw74//gm"
    "AvWlj2gtgPOjNQl4M56D8HmNkL97EXYVYTBcbMZMYMjrNGO83GhF0FjD5i70TOLaX3Jk8Q"
    "S8koRVbpE12SaMFnFkWCOQoIDTyCMOP/hg/EQTPK3iCcUUlL4kcT/lvE702y2PKIBCKiCi"
    "NGPY/GkoCs3XyESqxW8cgkYGuCvnCfEUdxgk3p6BFCuQ5MfYnZ1jyJKImMgRbYDeIl5yie"
    "/ovYkn2rI86oEBkF87XrcK5MO1lCXzVxvvXbaK6aWA1rcUZyfKt5Ll7iz6evzl+f/3h2ef"
    "4jH5K85+bK6w70bz/cN0jERzeUkrftsJZEekFq3PIdGNNiJ1RWCBsJ0Acq+oD8EXMLgxv9"
    "ZZNMefnKhGEhSxZyihBhFtekeixUUxKiPbehQfhGtrJC4s02q7Y5G9eUY439lgmRP6E2K1"
    "P+iHFNx/Xd3bvKdFzf1o92/vr++ubjD6+SueGD3DQcovnXIHByl4RbFDqqvSoF6l1RvZOw"
    "Hx1UlwVCyDhCCOKbn9ssO8R2nV5/zlVJmGWzZ7nMCWpskQ3BEe6SO49/LUBsQq8dBPtz5W"
    "FHBrxqJGxj2ZkWDptY6T9zDRi2x8RWx0xUzi8sJxuuEx5LfZJXvsl08gRh30GrxbolVPYp"
    "Cckxw5fiHdMZqaaE942ovXbnrWyAVOFIvP9sAZl7rpC6/v99enp29vr05dnljxfnr19f/P"
    "hywwE0b3WRAde3vwoPqKKNcpeo/bSBe/zCsddR/iWREar9V2rZ4x3J440CJXQpV/Lt4Z4l"
    "kVFAvO9Azx6xJ+B7mm+vQpbWHk5Haxu6Ms5VMYC6R0JcK1GsnxNXetSRga6cFlddcC2uQE"
    "N9DAEuJBweyMNikTtLPZ+mZ5Xfm3R6VNkoHUcKI27xCu8LLSh/SxF+JTylUtZiiz+lKCh1"
    "qzLJ3KsqRMC3OhrfKknZ0ovUKIvAAbfkSM9dctWg40ptBMYQGbd3P6qqd/TMwZokWIQKxn"
    "dV7WswMiEAvY3pnSE4gHH4t+JJRwa5qnlYXW0qdne1EMT2rk35aSMFuak/zbLEY8eNbvyI"
    "rU9ktnhxt9saF+Mswge6RNEiv+MGtL3A/py8QasFnfD/4Ej8l/gTNGN0KX5kJD+44Fb4Co"
    "doSmZU5Fjwa3gWEfYC3aQfmqReJFVxCV/WCDuOrJDIPj70d/93/35BkLAmpzgkoi4v8WYc"
    "+OWU/8GJqr3LCXL9pHwvZQ4X5L+sFq69EJfWaMXfAAni2I2i/ORm7j7yjyOYj8FIFMlEIs"
    "QvfUU3St2S330xUjw1HTBLP4F/5fQLKGeYRJjxu5vsEigObEpGCbDhwIYDG96TDbflZksn"
    "xGOqkVMrR6QC8GU7wJcNgItdQwPjitAIYR5+Had7eRPjjto3Gwkoh7BFHoCw/HRg3wgA6v"
    "1RZwSHeuXNCgngCfV5wpDGzCaWK8n17EihKwuNAfWqDj+/UNDh5xetOlzcqjXqSlxBvROd"
    "QmaY44Rnc6xTqiqk2ZNi2GYURq3pYdpRGFJfpBQyLeGwqgHV7RxWEZOs3NspPxXm/4jmSy"
    "u8RhFF2EfEf3QZ9cXDZL2clOVU2JqSTGZHZynN5dIgyc8lvjf5Pa/fM11vLsWBk5f0Abbn"
    "wGwP5LLvONkxYFTYnjoZ7GURONaXFmAQX36+1vGUyjKQq76Ft7SMQ74H+FZyqqAzAw1BmI"
    "YtpiHAoimMxLzvqhJQCB24MIDc2hkC7AELAnBbMMZe34oMEmkA/WnQZ4yQfxNLnDwy1yGW"
    "PjnT/oQx0Ab7Jmsisgw8jo7VL9ioRXwMM7FrEp4vX8qsJTcENYMYG4JjQHv/SWFi6UrOwl"
    "vN9pIEWO1Qim4vmCbdAcmjNGG0i+ityo0J2j3TvaIGpSAYLTrT2RZrYmNQ0LveDqGEeK+9"
    "8djilErksOY0VyVhmo2eZg5o3GuWK4JQMMrkOQ4jzPr9KVclYZZNnmX+qHjZs5ZjWRJm2e"
    "RZtukyEOkkveyvmizMtNEzXTmw1/BpGoIjPB/eAcvXiKxQxbspCYBD0iwkzRoM+c6SZku6"
    "YACAb6pPGynITf2pAHSxyQ2A89hLAzUsAqOykouYzXKSeGdwZy2bXCXO0yrlZqvGfPrlqj"
    "9pA7dKj7c8b5hhP88bFiGe6ZikARy/PMeSSkPDPlpai6hRdveJckRfpAOgQBEUKDJQ8w19"
    "fsdf0PVbUG2PpKtKQRjdNmF04oiZxmHP8JYWcTjPe9oP20DXu69A+xMAfw38QzczUnU4va"
    "Y0sHoms3pQm23Pf17QLQW6pZgAvKqvrtotBUq1bYez4aXairV+8/hkruvNo0bCaxpuqFG4"
    "LRlfpyj+FKIZEQXL0lR14qQV1V6hlcvXVCzKKM9xIC/Ktu0D1eiOLIceqi4fBakB2/RerS"
    "ITilIcGuKDxClDVb9xunWHqOpnmJu+a52VgKOBbz5+hBvCuQq45+3gnjcrzVFHK40/Hw+k"
    "tybpbVwZnXd0ftLpXYgBqr6FR+eKnsVvdIX42635WvFJUig5OdUM634BWuBHggI+b3wZod"
    "zmf5OWPibYyUofuywtr9z0OHb5QU+X7Gl1N0wzeJ9VtZ32I9QuA3isp6h7MIEN0XrlgCqJ"
    "zqvFW7VrvFLIknJPKpKEcCA3D+JIlIysB1X7wC3UDZTx2otiSf6vAXQ+fnRQX54pQH151l"
    "5z8KxuoTLsPzShbU9Zz4aPSVEPFu5CA/HtZW0V25dqWWaELtXwFece4ilhPomIpOZcu2NV"
    "lYJy0v1DilaUPRBmBVl1J9V1XhMb4VIfXjeLx/OPtGPGhF9Sq66qqLG7HwJ6XMYm5910A+"
    "q5thaBIxEFZdNf2UBVjD5TcRQ8vyG+6y9JOb3PfBKTd2s4r5X7ky7vNSvMt0qGqvuvPvJp"
    "mS8T/FmlijVKygWEL9BXRlItbpOvwo/lwz7+8hZdXJxfIBZ75CcklnKIGAmI6Gnmo6/iwr"
    "+pT75KPeI9fnSPKtxQPPtZe92HtikqYL96qYI2H9UKd3LvwI1ZTMO4awvbSWeWRJv1LdgS"
    "gi1hqi1RzRV2+kxxSQwm2OgJLkwRPdVZlhpDYMi+tWdu0OmYBGWZUWxZu2gBBA7vs9NhUB"
    "bnsAk0UFBkhwVFDkPk/MqwPPwgvTHpom7mYohyyzJGPZJxJUmw6UQ0IasSJ5PkZpELM0FT"
    "Gi34QJa0ueeriM+IrK3ZoM9WIV16dqaHFA5xbx8pHGJF6GwQ+fgRbgvDHyaDufUszK2D5B"
    "GYNqG7TiQ4eA6+Yf756EtrPgO8O1wIbEsjvaBKXj0jvKRHDS/1aNiCHtwxM6W4wZHibHht"
    "g1uHLAMaEd9e84k7kXjCtRGTLpfYLcZaD2StHM+ARUmBZRylFRixH67SqgPcO8WIPyjN/H"
    "GdMEv8QXT6L2JHoYjNZySKmU8cWbDCYM+VljkoKyn+MChvcBy+Mdj1e7AzH4gkArId32z4"
    "CKE9VQoCOe0IAjltBoHkKk0H4rLMCHG+VIH5sh3lywbIM/7hhCVJqDo418TGCPXgB5ii64"
    "0nQbk9ZLqQgKz3ZxMqvU9b5diZTEMipd/R+dtF7D+cSDyLzb1On8Kjc8sWwxS9iXdZaYHE"
    "9k+Ks68Yd0kQ/51yd/QNWi1ce8F/JmFa2z0Zyq36NSL8N/7z1zy5/KuISU7cAlFlQPgIRd"
    "134Tg3XY59f7ha+bVNsjx4KEfhoZhWj8Io62MHVZ+hAsW+134pQJArSc1VXhKB9a2wvpPG"
    "5n2qDNYEYZX3XuVJvaMm+O3I5+PHhPlWqbaG2LMfiUdwSGTmbH6r05pl6SAdZpzFfoi4ad"
    "9CcFduS+3B5lEPtB86JjXSbihyXPUKh2wExnd2/0ot2a4j166+b/ZqAjJk7w/T9PixcyJG"
    "BR6ZNrnQ/GNUcB880Ou5AQ49lCEr59DQjzb461iBVo7+kmiSAUCGruANcKEL1q66YB2IkK"
    "GeJ550ImNk8nuTTkomG6XKyVD2kB3b4QcS1hsnlVtbI/FYCW3T5wkqaXnVmQLSxkzShiuV"
    "KJaQwe1GYiExQgNx+Pw84fcv+d+PLVnllHoE+y2OfVmuhvQ0K0F6ZFB3Ld67u3cVsub6tl"
    "7P46/vr28+/vAqgZ4PcqOW0w2oSdUO806qqjDCv3Yowq+mWmG2dbnxscDD+/VJGa9eIXJV"
    "SeCDjeaDbboMhE3bKxayJgttv02eacIYZdaShCH3KHQ2rYbgGNTnvrcuOAaAHuAmAD8O9u"
    "PTipDgREJ9pDcmXbxHKIbolJwWwchpR4YQidAwxJ8QRBMU0pTNoD7J8iiXyKEkyaJMA6HF"
    "5tekQYZ5JjRiMsP/7ki4hD67Y7GjDInCu8ehlPBNrncqvaTdpJrOu0oTOGqtKf8UJvpq5s"
    "kC8tRE1JI2ZBnlX06S6EEr9iPXg1r3h651D0nOu0xyhk4Cu8U3AUgD33z8KPEd+gwCDnl2"
    "DHCSFdnEt/UMczMeMiokJzhTj9oP0sOEjrbzJRlIwt8mCZ8uuaUrMdnasS+JQKe4/sgHeO"
    "1RrIV8SQQW/RbQH6zkxzNf8nD6ccjTD0Fb0TiyQsJfxNHJCJVIgiUjsWSE2YmjiCwD7Ya3"
    "ZTHAVhrn80fsMiIOTWYuWzbh7QyvkkgfOMhKTvwZFlyVwaUd61OXG4O63nWsT4FZnyCQqi"
    "wEgZh2eKFW86XD9G+v+AImqIYJmu2zGrtzSQI2ZskeMcOuFzOtCiNlEcBUVrKFhqFezZaN"
    "AOApwRPbkfvoRlo2TFlmfPbL8BUr0kgaHYQLiTHiu4P+2+UDeE0LsSYKBqLJBqJgG5ekhx"
    "9QEYQ5NnuOI7buNcWFHMywyTMc0dheEFm6axdTVZKCNEB1piqMaKCJdC4CMGtkW1LPo7He"
    "0VkhAsRFf+LCoFTA45mJo9szIBPwucx0Ut/Yo3PJpvVUVeRMakxMz75LItO5NV1HMoqtE/"
    "2y2GHhf3mEkIcW1ye+naCjZ6o1heH09mlj7eBlRg3bPqDK6NHDDenFB0gvNqUQo2HqRBVm"
    "w7vwirzFq+yMuyWt8ao4Au/ObqyEsT2d5Xjni+5UiUSatyie0cxsbB8mzWYstWjJ+odA6y"
    "mDTML2lMa2NjGt8I+zPcxxn3obB+quGzVAst1uk+0grmDncQUGccumre4xUY5ALj+XmYZE"
    "q0MmWpFvbsQxdSTIt5qyFZle1qxhoA9tzEKvzn0TalFW0GhLjievi3RkYKuyO6VFZhyt84"
    "7OT1oonXfpGeITdI44d1GncvhoJJqHTlDqmBMHzRhdoldo5UYL10+aiLdTPHriQP2MifoB"
    "7b7z06k+TZjHSbDt+eQbSlCO0sfyyCORpGG0K6yNwAjV1YWCtrpoVVYXdV3Vw3Pd1mc1Dd"
    "99O62QGDuiTvH3fGI8jnzeg0/mBNSGdDsD2WAra3mn4RRkEtnBbfacn0QpbZ/rQ4bsBfbn"
    "JJS7BDrCcocgf/HhnAKoZTt4LVs4+B2WK7MZwT1p/ookWKBGW6A+jbRMpHw82Ec97KMAM/"
    "5TxDekJuRdFRvLUlC0cYsEqE31fFXsNwIA+zYFc2IOHtONHy8LjULd7JqdqxmqyiRoVQyg"
    "7nHMlUE4wFHX56zTxn3pkUcGvvKxV3XhqUSOJzphAJSv7Ige47pWjhcvK0+jzhQ76AQlGk"
    "GPPfgsenC5YdbMhjiyLl6SEdCTywSFO+ly9w1rrnI4rHcSzSnq87sSz7+rXGsuMYZwr31A"
    "DATLcyBY8smarjXN8oYgGOb6hnkBIhiNTxqNjRVnlOH4Oc3IkNiNnze5Gu1mY9ajVc1qvM"
    "pauqKAUZuEYdrKNcSuI46NPPdRdtakKgS2pTGbcbt5GWS1IFSxzsePz7y8PFNA+/KsFWxx"
    "CzKFnqHhExLi95njQgwm2LgJNiQ2JSdJP5JHt41Naox50j4Qoy2WDVc2FXKBrq7J6GtykP"
    "RVEE3iq6DVwvWIsAvcMGkhb8eMcRnRLv5NciEZn7SND4nHTQcUEc+TGR37/ni15s8QOW9e"
    "NDHEzuytaAJEa49lw6tYNPFyiZmESWgPlymJjIK+2XfEzIECNgxjoyFeYzRcJdT62yvcHd"
    "Qw1PrbS60/iNhQA9fciI1GRFKHs12OWlJwtvMIIGVnW3ysg+YMBwsUUbTED6Tk84ZJsrfM"
    "S1aWA3beBLU96XJWDxr5YRDUO4lKKL9ZA+R2P6cmNgp7ZO/Zk8xeuI+9DkZqolBYy2QaAQ"
    "J/RjvNhhyPXBHm2guZnZbd6bTOcDHmKYusfWIHtqOey0HAlhR0u9X0WMRWqxpOJZFR7Oe1"
    "IrMXKvUm+Kj2MrMXjZoT4o9KA+Fs+AjR3VFQsh9J6Zp2OrgkAhl8mozwQTez7/8P492N1g"
    "=="
)
