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
    "eJztXWtz2ziW/Ssof5neKk0q8Su96U922t3t3STeStyTqUlvMRAJSRxTBBsk7Whm898XAE"
    "nxBdIArQdE36p+2CQuRB3Al/ce3Me/j5bUI0H84sJNKDt6g/59FOIl4T/Ub0zQEY6i8rK4"
    "kOBpIEdiMURewtM4YfxXfnWGg5jwSx6JXeZHiU9DMfYCRYTFNESUIYxiwu59lyDsujQNkx"
    "diDo+6fBI/nOsNT0P/z5Q4CZ2TZEHEV/jyv/yyH3rkG4mLX6M7Z+aTwKt9Q98TE8jrTrKK"
    "5LW3C8x+kSPFo0wdlwbpMixHR6tkQcP1cP6k4uqchIThhHiVLx6mQZAjVFzKnpVfSFhK1g"
    "/plRc8MsNpIOAT0tkTlNeOHOfDza3z6erWcY5a0BYSFfjySy4NxbL4YRLL77/E35yAhPNk"
    "wX89efk9+5wSh2yU+MC/XXx8+9vFxx9OXv6H+EDK1zZb8g/5nWN567ucAic4m0SiXsJ8x7"
    "+mCdDF+M1AXVwosS535s7BPtYB+7gb7OMc7BJc+X8DcIvxo9vHr17qYMtHdYIr79XRJUvs"
    "BybwrgUG4ZujZ+nePTvV2bxnp927V9yrA+wyIuBwcNJG+Wd+J/GXRI10XbIBt5eLvih+OE"
    "DN0QP27fX7q0+3F+//R0y/jOM/A4nXxe2VuHMsr64aV384b6zLehL0+fr2NyR+Rf+4+XAl"
    "4aRxMmfyE8txt/84Es+E04Q6IX1wsFfFpLhcXPouXruzu8obQVyYYvfuATPPad2hx7RrbP"
    "vW8njZvIJDPJeLJNAUz1nYL5F/S+9IqLRtinv95k3kc/OCD9M2caYEM8KQFPoJ0TBYIW6b"
    "oE+/Xfz1+Owc0Rnyk5hbM3wPJ8iP0R2JlLbP4HkeN4q+ZFabw60afucLx88jznQlfweDab"
    "8G037f6Va9dLbyVo8YmfnfTBAuJUaI8eaN0kwjOQscL0xQboiNTnOc6xhQ593203nLfIpd"
    "KuZoYfxfn24+dGC8lmiaTL6boP9DgR8nB7ije4AVWNTspALQH95f/L2J9dt3N5dNA0hMcA"
    "l263OxW2v+37fI59MNWOa65AaW2TLfcEyrHOA4cdJ40J9zUxZW2uaVZuSe+1JD1rkuCats"
    "8yqvPVsD27MqM0Ibf1NOa4VCKQkDA5jrUuMjSTeDc4s6a+ztNuK/UEb8efjfZCVxv+aPiE"
    "NXxQo0j/UObFt/L3ZUcbXcEQw/rDmr2t8z//b8O5NEfv+PXL18vH57e6TazZsAtsIpHtZO"
    "1oW2/jfcAe6+yN4o8F2cf3MF31venvRTvuuBmqTv5wVOkItDNCXII1FAV8RrU7qdo+AU2w"
    "a9O7GWlLUI6vMTHRbrpJvFOmmaEtXHaiF8S74laoQbYqOw2vrM8Ku/3/bzWGsr/N3Nh1+L"
    "4U1y63vDIeLGt89flSsnZYqT7m7025JjsOZ2jf809QOF/u7mb9cCT6JvDwf1rbC3CYkVBE"
    "A36MV4wHw45vGCBAoF03NSUQgA6sNRv0unhIXcOjc6JKpLAf7D8V8QHCQLx10Q985kBZpy"
    "sAbD1wAzd+HfD2J9G6JA+9pM+8KZ7GiX2ZpYwojRexwcqbml7N7kEWJJjtJklT7RJUkWfG"
    "VRIpijiNAoIAgz/m98Rzw0o+wNwjmVtCRhMuG/JfzeJE+YSEgkwgQxYjQIaKqIMtzOR+gE"
    "IJZTrqMQ4wQnqcSmcn4O8Yh7pr7Eahue81RExkALbPswLU6n/ySu4r3VEyxXioyC+dp2TG"
    "KunRyhr9o4X4ddNFdDrIG1OCU5vN08Fw/x1+NXp69Pfzw5P/2RD5HPub7yugf96w+3LRLx"
    "3o+V5G03rBWRQZBat303jGn5JtRWCGsJ0Ac6+oD8mXILgxv9VZNMe/uqhGEjKzZyhhBhDt"
    "ekZixUWxJClp9Cg/AX2YMTk2C23rXt1bikHGscdiyIeobGqkz5FONajsubm3e15bi8bh7t"
    "/P7+8urjD6/k2vBBfhYO0f5rEDj5S8ItChPVXpcC9a6p3kk8jA5qygIhZB0hBEH6z22VPe"
    "L63qA/57okrLLdq1zlBA1ekS3BEb4ltx5cXILYht44EPbn2mQHBrxuLGxr29kWDiut9J+5"
    "Boy7Y2LrYyY65xeOlw83CY+lISnKOeU6eYJw6KGHxaojVPYxCcUxw5fyGbMVKescPCWi9t"
    "Kfd7IBSoWj8P7zDWTvuULm+v/n8fHJyevjlyfnP56dvn599uPLNQfQvtVHBlxe/yo8oJo2"
    "Klyi7tMG7vELx95E+VdERqj2X+mVQOipgNCqukOXaiXfHe5ZERkFxLsO9JQF6xT0Vy/hUg"
    "rtmWNZayGLqZUB0T3g3dvvEUAy5w7OnxsmkzbOdTGAekA+ZycVPyDzsJzqwEDXzuqsbziN"
    "xE7Il9VE9vF82T35sCzxZ5lv2fZdi3uTXp81H2XiqmLEfQrh36IF5U8pAtyEL1rJC+3wWD"
    "UFlY5rLln4raUIeK8H473KpDizWJiqCIQQKCx7f8lVg4mzuhYYQ+zhrj3Vht4xMwcbkmAR"
    "ahjfdbVvwHnFAPRTTO8cwQ0Yh38rZzowyHXNw/pu07G766U2nu7aVGcbKcht/WmXJZ56fn"
    "IVJmx1pLLFy7v91rgY5xA+0CeaFvkNN6DdBQ7n5A16WNAJ/w9OxH9JOEEzRpfiR0aKoyFu"
    "hT/gGE3JjIosFn4NzxLCXqCr7ENlcosspk34tkbY81SlWnbxoX+Ef4S3C4KENTnFMRHlvE"
    "kw48Avp/wPThT7Xk6QH8qq35R5XJD/8rDw3YW4tJKTCmbeT5LiaGzu3/NPI5gPwUiU0kUi"
    "hjJ7Qj/5I8zcEjFSTJoNmGUfwL9x9vzaKTwJZvzuOn2nftQGKTv7S9kBMhzIcCDDB5Lhrt"
    "pq6YV4TEWIGvWedAA+7wb4vAVw+dYwwLgmNEKYN7+Ps3d5G+Oe4kJrCag38YREC2H4mcC+"
    "FgDUh6POCI7N6seVEkATmtOEMU2ZSxxfkUzbk6NYFRoD6nUdfnqmocNPzzp1uLjVaO8nPU"
    "GzA51SZjOnCc/mVKdStsmwc81mW9ZYtac307TGkgIulZh0BYVVj1jvprDKoG/tjnDFoTD/"
    "R7Rse8ArlFCEQ0TCe5/RUEym6gCnLafD1lRkcjs6zxmv1l6RP1foXvl7USApbxAnLqWRV9"
    "RMArZnz2wPFAvYcjZpxKiwPU1KBFRF4FRfWeFCfPm5ouZ+T03QigwUA3iCt7RMY/4OCB15"
    "qGCyAi1BWIYnLEOEResohXnflxVQCu05K0Bt7ViWFsBtwRQHQ0teKKQB9MdBnzFC/kUccf"
    "LIfI845uRM9wxjoA12TdYkZBkFHB1nWKxRh/gYVmLrlf0k42XOkVlgmr/9/dPtzXuLrXKu"
    "GihzltzINowPbQmOYSfvPE40EWpBEWfQ6RJVJMAjgjqKO8FU9mcl98ps5z4SvS43Jmh3TK"
    "WLAqqCvHXozOQt2BAbg4LetqkB9e8HvRsPLQasQrwbLnNdEpbZ6mXmgKaDVrkmCNXObF7j"
    "OMFs2J9yXRJW2eZV5lOly4GFSKuSsMo2r7JLl5HI1BlkfzVkYaWtXulaMISBT9MSHOHZ++"
    "bdmnbUii7ebUkAHPKRIR/ZYsi3lo9c0QUbAPiqPttIQW7rTw2gy5fcBnAee9WllkVgVcJ3"
    "GQ9bzb/vDZxtJOrrxNA6lbR33XjasFpQKes+WGtQWKRkMxwWKdkifDYbI7sX8stzrCjitN"
    "mplWWeWjWjH6n09EU5AGo/Qe0nCzXfps/v+AP6YQeq3VGKdSkIUXxKiKI4YqZpPDB0qEMc"
    "zvMe98PW0A1uitE9A+BvgH/sh6oQrn5Ory0NrJ7NrB6Uvdvxnxe0+oFWPzYAr+ur67b6gS"
    "p4T8PZ8ip45V6/un80j/jq3iCZOAs3NKiJJ8c3KYq/xGhGRDG4rAwA8bJida/Qg8/3VCoq"
    "VM9xpK5399QJ9eiOvD4BFLQ+CFIDXtM7tYpsKPixb4j3EqcMFRPH6dbto2KiZW76tnWWBM"
    "cA32L8CF8IpzrgnnaDe9qu4kc9oxIJxXggvQ1Jb+tKFL2j86Ne70IM0PUtAjrX9Cx+ow+I"
    "P92K75WQyBrU8lQzbvoFaIHvCYr4uvFthAqb/01WVppgLy8r7bOscnXb49jmBz1eDqnT3b"
    "DN4H1WlYy6j1D7DOCxnqLuwAS2ROtVA6oUOq8Rb9Wt8SohS9rtvogM4UB+EcQhlYyqvVf3"
    "wCeoGyiRthPFIv9vAHQxfnRQn59oQH1+0l3P8aRpoTIc3rWh7U5Zz4ePSVFvLNyFRuLbqz"
    "pWdm/VqswIXarN1w25S6eEhSQhinp+3Y5VXQpKdQ8PKXqg7I4wJ8orZ+nu84bYCLf65nXz"
    "NPX5RKZI16XGR4FtHmcxPf9IN2VM+H+NCsGab8b+SeB9qWLti4bQEQ1814goU4iCUh+u1K"
    "H6yJClOIjzFEs4gl9kScjPfBHls7VIgtr9SR9LkBeXfJBD9XmCEIW0yksKnrJWiR3Jsgzx"
    "C/SVkUyLu+Sr4Av4sI+/vEVnZ6dniKUB+QmJrRwjRiIi+vKF6Ku48C8akq9K5mGHHz2gkj"
    "wUgH/W7Ma+bYoa2K9e6qDNR3XCLe/tubmQbRj3vcK20l1IarOhhXFisCVstSXqOdnekCWu"
    "iMECW73ApSlipjqrUmNgH3atPQuDzsQkqMqM4pW1jTZW4PA+Ox0G5Yf2m6gEhVu2WLhlP0"
    "TOrwyrwzyyG5M+6mYuhmi33WM0IDlXIoN6J6KRXp04mcibZc7RBE1psuADmUiHYXwX8RVR"
    "tebb6Nw6pMs6LBnqf9iZKiN2hMkLohg/wtfC5g/twdx6FubWXvI1bFvQbSds7L3WgWX++e"
    "hLmD4DvHtcCOwqI+qgGmEz876iRy0vqWnZht64Y2ZLEYkDxdnyGhLXHllGNCGhu+ILd6Tw"
    "hBsjJn0usV+Ode7ISjueAYvSDcs0ySpd4jB+yKo7cO8UIz5RlmHle3GeYIXo9J/ETWKRA8"
    "FIkrKQeKpghY3NqywnUVVSfDIoI3EYvjHY9TuwM++IIgKyG998+AihPdYKAjnuCQI5bgeB"
    "FCrNBOKqzAhxPteB+bwb5fMWyDP+4YTJZF8TnBtiY4R64weYortQoEC5O2S6lIDqAs8mVH"
    "qXtsqhM5mWREq/o/O3izS8O1J4Fut7vT5FQOeOK4ZpehPv8hIO0vaXRfAfGHdJEP+dcnf0"
    "DXpY+O6C/0zirIa+HMqt+hUi/Df+89ciif+riEmWboGo5iB8hLK+vnCc2y7Hrj9cr8zdui"
    "gBeCgH4aHYVvfDKutjC9W1odLHrvd+JUCQK0nDXV4Rgf2tsb9lA/kh1RwbgrDLB+9yWVeq"
    "DX438sX4MWH+pFRbS+zZjyQgOCYqc7a41WvNsmyQCTPO0jBG3LTvILhrt5X2YPuoB9o8HZ"
    "Ia6TYUOa5mBVrWAuM7u3+ll2zXk2vXfG8OarayyR4rtunxQ+dErAo8sm1xocnKqODee6DX"
    "cwMcelVDVs6+oR9t8NehAq0d/aXQJBsAGbqvt8CFbmPb6ja2J0KGBoGY6UjFyBT3Jr2UTD"
    "5Kl5Oh7C4/tsN3JG42qKq2EEdiWgVtM2QGnbS8+koBaWMnacOVSpIqyOBuI7GUGKGBuPn8"
    "POH3L/nfj6vY5ZQGBIcdjn1VroH0NK9AemBQ923em5t3NbLm8rpZz+P395dXH394JaHng/"
    "yk43QDalJ1w7yVqiqM8K8di/CrqVGYbVNufCzw5v16WcZrUIhcXRL4YKv5YJcuI2HTDoqF"
    "bMhCe3WbV5owRpmzJHHMPQqTl1ZLcAzqc9evLjgGgF7rNgA/Dvbj0wMh0ZGC+shuTPp4j1"
    "gMMSk5LYKRs84XMRKhYYjPECUTFNOMzaAhyfMol8ijRGZRZoHQ4uXXpkE2Myc0vLLD/+5J"
    "uIR+xmOxoyyJwrvFsZLwldd7lZ5s66mn8y6yBI5GC9C/xFJfzQJVQJ6eiF7Shiqj/MuRjB"
    "500jDxA6h1v+9a95DkvM0kZ+gksF18JUAG+BbjR4nvps8g4JBnywDLrMg2vp1nmOvxkFGh"
    "OMGZBtS9Ux4mdKfgV2UgCf8pSfh0yS1dhcnWjX1FBDrFDUc+wquAYiPkKyKw6Z8A/d5Kfj"
    "zzLQ+nH/s8/RC0FU0TJyb8QTyTjFCFJFgyCktGmJ04ScgyMm54WxUDbJVxPn+mPiPi0GTm"
    "s2Ub3t7wKoX0noOs1MSfZcFVOVzGsT5NuTGo623H+pSYDQkCqctCEIhthxd6NV96TP/uii"
    "9gghqYoPl71uDtXJGAF7PiHTHDfpAyowojVRHAVFWyhcaxWc2WtQDgqcATu4l/7ydGNkxV"
    "Znz2y+YrVmSRNCYIlxJjxHcL/berB/CGFmJDFAxEmw1EwTYuyQA/oCYIa2z3GidsNWiJSz"
    "lYYZtXOKGpuyCqdNc+pqoiBWmA+kxVnNDIEOlCBGA2yLakQUBTs6OzUgSIi+HEhUWpgIez"
    "Egf3zoBMwOey0rK+cUDnipfWY1WRc6kxMT27LolM5850lagotl70q2L7hf/lAUIeO1yfhK"
    "5Ex8xUawvD6e3jxtrey4xa9vqAKqMHDzekF+8hvdiWQoyWqRNdmC3vwivyFi/yM+6OtMaL"
    "8gi8P7uxFsb2eJbjTSi6U0mJLG9RzNHObOwepsxmrLRoyfuHQOspi0zC7pTGrjYxnfCPsz"
    "3MYZ96Wwfqths1QLLddpPtIK5g63EFFnHLtu3uMVGOQC4/l5WGRKt9JlqRb37CMfUUyHea"
    "sjWZQdasZaBv2piFXp27JtSSvKDREzmeoi7SgYGty+5UNpl1tM47Oj/qoHTeZWeIj9A54t"
    "xFn8rho5FoHjpBmWNOPDRjdIleoQc/WfihbCLeTfGYiQP1MybqB7T71k+nhjRhHifBtuOT"
    "byhBOUofKyD3RJGG0a2w1gIjVFdnGtrqrFNZnTV11QDP9ak+q2347tpphcTYEXWKv+ULE3"
    "Dkix58KiegMaTfGcgHO3nLOwOnIJfID27zeX4SpbRDrg8Zchc4nJNY7RKYCKsdguLBN+cU"
    "QC3bjdeyhYPfzXJlLiN4IM1fkwQL1GoLNKSJkYlUjAf7aIB9FGHGf0r4C6kNeV/FxqoUFG"
    "18QgLUunq+LvZrAYD9KQVzUg4eM40frwqNQt1sm51rGKraJGhdDKAecMyVQ7iBo67PeaeN"
    "28qUBwa+9rFXfePpRI5LnbABlC/chB7ivtaOF68qT6vOFHvoBC0awYw9+Cx6cPlx3syGeK"
    "ouXooR0JPLBoU76XP3LWuusj+stxLNKerz+wrPv69cayExhnCvXUAMBMtzIFiKxZquDM3y"
    "liAY5uaGeQkiGI2PGo2tHWeV4fg5y8hQ2I2f17ka3WZj3qNVz2q8yFu6oohRl8Rx1so1xr"
    "4njo0C/1511qQrBLalNS/jbvMyymtB6GJdjB+feXl+ooH2+Ukn2OIWZAo9Q8MnJiQcssal"
    "GCywdQtsSWxKQZJ+JPd+F5vUGvOofSBGOywfrm0qFAJ9XZPRV3mQ9FUQTeKroIeFHxBhF/"
    "ixbCHvpoxxGdEu/o28IMfLtvExCbjpgBISBCqjY9cfr9f8GSLn7YsmhtiZnRVNgGjtsbzw"
    "ahZNulxipmASusNlKiKjoG92HTHDVy+hZo1hqiKQBKtOgt1DDIxlqEIIzGjoXyifuFO4e9"
    "h2KJ+4k/KJEASjB669QTCtIK8e/qIaCKbBXxRBVdr8hfhYD80ZjhYooWiJ70iFRohl/ryK"
    "eNCWgwMPG9T2pM//32swjUVQbyXQo/pkLZC7XceG2CjskZ0npDJ34d8POmtqiEKtMpuZGY"
    "ilGu0yW3LidEGY7y5Udlp+p9c6w+WYxyyy7oXdsB31XM5WnkicdVtN92W4uq7hVBEZxfu8"
    "Ubf3TKeEBx/VXbn3rFXGQ/xRGSCcDx8huluK8w4TJV3TTQdXRCAp0pAR3uvL7Pv/AyNvNk"
    "4="
)
