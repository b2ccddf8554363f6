function __autoopt_complete
    set -l line (commandline -cp)
    set -l begun (commandline -ct)
    for offer in (command autoopt completion query "$line" 2>/dev/null)
        if string match -q '<files>*' -- $offer
            set -l prefix (string match -r '^[^=]*=' -- $begun)
            for path in (__fish_complete_path (string replace -r '^[^=]*=' '' -- $begun))
                echo -- $prefix$path
            end
        else
            echo -- $offer
        end
    end
end
complete -c autoopt -f -a '(__autoopt_complete)'
